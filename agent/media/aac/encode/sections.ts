import { ESCAPE_BOOK, LARGEST_VALUES, SPECTRAL_BOOKS } from '../decode/codebooks.ts';
import { SpectralCodes } from './symbol-codes.ts';

/** Number and length of a section, table 4.52. */
const SECTION_BITS = 9;
const BOOKS = SPECTRAL_BOOKS.length + 1;

/** Books 1 to 11. */
export const SPECTRAL_CODES: readonly SpectralCodes[] = SPECTRAL_BOOKS.map((book, i) => new SpectralCodes(i + 1, book));

/** The fewest bits by the book of the last band: up to the previous band, and with the current one. */
let before = new Float64Array(BOOKS);
let now = new Float64Array(BOOKS);
/** By band and book: the best book of the previous band. */
const origins = new Uint8Array(51 * BOOKS);

/**
 * Chooses a codebook for each band, so that codes and sections take the fewest bits. Book 0 is for bands of zeros.
 * @param books gets the choice
 * @returns the bits
 */
export function planSections(values: Int16Array, borders: Uint16Array, bands: number, books: Uint8Array): number {
  before.fill(0);
  for (let band = 0; band < bands; band += 1) {
    const [from, to] = [borders[band] as number, borders[band + 1] as number];
    const largest = largestOf(values, from, to);
    const cheapest = smallestIndex(before);
    for (let book = 0; book < BOOKS; book += 1) {
      const isPossible =
        book === 0
          ? largest === 0
          : largest > 0 && (book === ESCAPE_BOOK || largest <= (LARGEST_VALUES[book - 1] as number));
      // At the first band all books begin a section.
      const another = (before[cheapest] as number) + SECTION_BITS;
      const same = band === 0 ? Number.POSITIVE_INFINITY : (before[book] as number);
      const own = isPossible ? (SPECTRAL_CODES[book - 1]?.bitsOf(values, from, to) ?? 0) : Number.POSITIVE_INFINITY;
      now[book] = Math.min(another, same) + own;
      origins[band * BOOKS + book] = same <= another ? book : cheapest;
    }
    [before, now] = [now, before];
  }
  let book = smallestIndex(before);
  const total = before[book] as number;
  for (let band = bands - 1; band >= 0; band -= 1) {
    books[band] = book;
    book = origins[band * BOOKS + book] as number;
  }
  return total;
}

function largestOf(values: Int16Array, from: number, to: number): number {
  let largest = 0;
  for (let i = from; i < to; i += 1) {
    largest = Math.max(largest, Math.abs(values[i] as number));
  }
  return largest;
}

function smallestIndex(list: Float64Array): number {
  let index = 0;
  for (let i = 1; i < list.length; i += 1) {
    if ((list[i] as number) < (list[index] as number)) {
      index = i;
    }
  }
  return index;
}
