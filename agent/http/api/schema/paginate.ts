import { PerchError } from '../../../base/errors.ts';

export interface Page<T> {
  /** Number of items on all pages. */
  readonly itemCount: number;
  readonly pageCount: number;
  readonly items: readonly T[];
}

const DEFAULT_ITEMS_PER_PAGE = 100;

/** The page of `items` for `?itemsPerPage=` (default 100) and `?page=` (from 0); empty beyond the end. */
export function paginate<T>(items: readonly T[], query: unknown): Page<T> {
  const { itemsPerPage, page } = (query ?? {}) as { itemsPerPage?: unknown; page?: unknown };
  const size = wholeNumber(itemsPerPage, DEFAULT_ITEMS_PER_PAGE, 'items per page');
  const index = wholeNumber(page, 0, 'page');
  if (size === 0) {
    throw new PerchError('badInput', 'invalid items per page');
  }
  return {
    itemCount: items.length,
    pageCount: Math.ceil(items.length / size),
    items: items.slice(index * size, (index + 1) * size),
  };
}

function wholeNumber(given: unknown, fallback: number, what: string): number {
  const text = Array.isArray(given) ? given[0] : given;
  if (text === undefined || text === '') {
    return fallback;
  }
  if (typeof text !== 'string' || !/^\d{1,9}$/.test(text)) {
    throw new PerchError('badInput', `invalid ${what}`);
  }
  return Number(text);
}
