/**
 * Days on which an Indian site stands still: the national holidays and the festivals kept nearly everywhere. Festivals follow the moon;
 * dates beyond these years come with later versions of the templates.
 */
export const HOLIDAYS_IN_INDIA = [
  '2026-01-26', // Republic Day
  '2026-03-04', // Holi
  '2026-05-01', // May Day
  '2026-08-15', // Independence Day
  '2026-09-14', // Ganesh Chaturthi
  '2026-10-02', // Gandhi Jayanti
  '2026-10-20', // Dussehra
  '2026-11-08', // Diwali
  '2026-11-09', // Diwali
  '2026-12-25', // Christmas
  '2027-01-26',
  '2027-03-22',
  '2027-05-01',
  '2027-08-15',
  '2027-09-04',
  '2027-10-02',
  '2027-10-09',
  '2027-10-29',
  '2027-10-30',
  '2027-12-25',
  '2028-01-26',
  '2028-03-11',
  '2028-05-01',
  '2028-08-15',
  '2028-08-23',
  '2028-09-27',
  '2028-10-02',
  '2028-10-17',
  '2028-10-18',
  '2028-12-25',
] as const;
