/** `refuses`: the camera answers. `silent`: nothing answers at its address. */
export type Absence = 'password' | 'refuses' | 'silent' | 'unknown';

/** Beginnings of the box's own sentences; what follows them holds names that people chose. */
const BEGINNINGS: readonly (readonly [RegExp, Absence])[] = [
  [/^camera (refused the password|asks for a password)/, 'password'],
  [/^(camera|connection refused|no reply to|answer to) /, 'refuses'],
  [/^(nothing answers|no answer at all|no device with the name) /, 'silent'],
];

/** Why a camera gives no picture, from the box's `lastError`. */
export function absenceOf(lastError: string | undefined): Absence {
  return BEGINNINGS.find(([beginning]) => beginning.test(lastError ?? ''))?.[1] ?? 'unknown';
}
