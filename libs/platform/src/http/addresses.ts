/** Which methods each address takes, to tell a wrong method (405) from a wrong address (404). Asked only when no route was found. */
export class Addresses {
  private readonly known = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  note(url: string, methods: string | readonly string[]): void {
    const address = this.known.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    for (const method of [methods].flat()) address.methods.add(method);
    this.known.set(url, address);
  }

  /** For the `Allow` header; empty when there is no such address. */
  methodsAt(url: string): string[] {
    const path = url.split('?', 1)[0]!;
    const all = [...this.known.values()].filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => [...methods]);
    return [...new Set(all)].sort();
  }
}

/** `/tasks/:id/complete` with any one segment for `:id`. */
const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replace(/:\w+/g, '[^/]+')}$`,
  );
