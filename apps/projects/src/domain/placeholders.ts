/** What a caller gives by name: texts and dates as they are, numbers. */
export type Values = Readonly<Record<string, string | number>>;

/** `{{floor_area}}`, with the blank before it, which goes too when there is nothing to say. */
const PLACEHOLDER = / ?\{\{([^{}]*)\}\}/g;

/** Whole digits, without grouping or exponents. */
const plainly = new Intl.NumberFormat('en', { useGrouping: false, maximumSignificantDigits: 21 });

/** The names that stand in the text. */
export const placeholdersIn = (text: string): string[] => [...text.matchAll(PLACEHOLDER)].map(([, name]) => name!.trim());

/** The text with values in the place of names. A value is never looked through for placeholders again. */
export const fill = (text: string, values: Values): string =>
  text.includes('{{')
    ? text
        .replace(PLACEHOLDER, (whole, name: string) => {
          const value = printed(values, name.trim());
          return value === '' ? '' : `${whole.startsWith(' ') ? ' ' : ''}${value}`;
        })
        .trim()
    : text;

function printed(values: Values, name: string): string {
  const value = Object.hasOwn(values, name) ? values[name]! : '';
  // Adding zero makes a negative one a plain one.
  return typeof value === 'number' ? plainly.format(value + 0) : value;
}
