import { styleText } from 'node:util';

/** Where lines go: a terminal, a file, a pipe. */
export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Colour is for people: not for files and pipes, and not for those who want none (https://no-color.org). */
export const paint = (colour: Parameters<typeof styleText>[0], text: string, screen: Screen = process.stdout): string =>
  screen.isTTY === true && !process.env['NO_COLOR'] ? styleText(colour, text) : text;
