import { Text, WholeNumber } from '../fields';

/** The parameters that every list takes. */
export class PageQuery {
  @WholeNumber({ min: 1, max: 100, optional: true, description: 'Rows at most. Default 25.' })
  limit?: number;

  @Text({ max: 1_000, optional: true, description: '`next_cursor` of the page before.' })
  cursor?: string;
}
