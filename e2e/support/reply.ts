/** What the API answered. */
export interface Reply<Body = Record<string, any>> {
  status: number;
  body: Body;
  text: string;
  headers: Headers;
}
