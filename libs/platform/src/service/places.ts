import type { Place } from '../relay';

/** Places as services write them to each other: `<tx>:<position>`. */
export const textOfPlace = ({ tx, position }: Place): string => `${tx}:${position}`;

/** Null for what is none. */
export function placeOf(text: string | undefined): Place | null {
  const [, tx, position] = /^(\d{1,19}):(\d{1,19})$/.exec(text ?? '') ?? [];
  return tx === undefined || position === undefined ? null : { tx, position };
}

export const placesOf = (text: string | undefined): Place[] => (text ?? '').split(',').flatMap((place) => placeOf(place) ?? []);
