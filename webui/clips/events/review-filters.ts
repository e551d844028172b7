import type { ReviewQuery } from '../../api-client/recordings/reviews.ts';

type ReviewFilters = Omit<ReviewQuery, 'path'>;

export const NO_FILTERS: ReviewFilters = { types: [], zone: undefined, hours: undefined, isUnseen: false };

const HOURS = /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/;

/** Filters in the address of the page of events. What is not valid is left out. */
export function filtersOf(query = ''): ReviewFilters {
  const fields = new URLSearchParams(query);
  const hours = fields.get('hours') ?? '';
  return {
    types: (fields.get('types') ?? '')
      .split(',')
      .filter((type) => type !== '')
      .slice(0, 32),
    zone: fields.get('zone') || undefined,
    hours: HOURS.test(hours) ? hours : undefined,
    isUnseen: fields.has('new'),
  };
}

/** The same as text for `eventsLink`. */
export const filterText = ({ types, zone, hours, isUnseen }: ReviewFilters): string =>
  [
    ...(types.length > 0 ? [`types=${types.map(encodeURIComponent).join(',')}`] : []),
    ...(zone === undefined ? [] : [`zone=${encodeURIComponent(zone)}`]),
    ...(hours === undefined ? [] : [`hours=${hours}`]),
    ...(isUnseen ? ['new'] : []),
  ].join('&');
