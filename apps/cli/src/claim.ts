import { claims } from './claims';
import type { Home } from './home';

/** Stands in a home while a restore lays it. */
export const { RESTORING } = claims;

/** Has a home to oneself, until what this returns is called. */
export const claim = (home: Home): (() => void) => claims.claimHome(home.path);

/** The process that has the home, or null. */
export const holderOf = (home: Home): number | null => claims.holderOf(home.path);
