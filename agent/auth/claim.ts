import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { PerchError } from '../base/errors.ts';

const SHORTEST_PASSWORD = 8;
const LONGEST_PASSWORD = 256;
/** No 0/O, 1/I/L: the code is read from a screen and typed on a phone. 8 of 31 are 40 bits. */
const CODE_LETTERS = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';
const CODE_CHARS = 8;

/** What everybody tries first, of eight characters and more. */
export const COMMONEST: ReadonlySet<string> = new Set(
  `password password1 password12 password123 passw0rd p@ssw0rd p@ssword 12345678 123456789 1234567890 123123123
  11111111 00000000 88888888 66666666 87654321 987654321 0987654321 12341234 11223344 112233445566 147258369
  123654789 159753456 1q2w3e4r 1q2w3e4r5t 1qaz2wsx qwertyui qwertyuiop qwerty123 qwerty12 qwerty1234 asdfghjk
  asdfghjkl zxcvbnm123 abcd1234 abc12345 abcdefgh abcdefghi a1234567 a12345678 a123456789 aa123456 aa12345678
  admin123 admin1234 admin12345 administrator iloveyou sunshine princess football baseball superman starwars
  whatever trustno1 welcome1 letmein1 letmeinnow changeme changeme1 computer internet michelle jennifer
  raspberry camera123 camera1234 cameras1 woaini520 woaini1314 5201314520 perch123 perchperch testtest test1234`.split(
    /\s+/,
  ),
);

/** Throws with words for the person who chose the password. Length counts, not the kind of characters. */
export function checkNewPassword(password: string): void {
  const chars = [...password].length;
  if (chars < SHORTEST_PASSWORD) {
    throw new PerchError('badInput', `the password has ${chars} characters, at least ${SHORTEST_PASSWORD} are needed`);
  }
  if (chars > LONGEST_PASSWORD) {
    throw new PerchError('badInput', `the password has ${chars} characters, at most ${LONGEST_PASSWORD} are taken`);
  }
  if (COMMONEST.has(password.toLowerCase()) || /^(.)\1*$/u.test(password)) {
    throw new PerchError('badInput', 'this password is among the first that anybody would try: choose another');
  }
}

/** A code such as `7KQF-2MXA`, made anew at each start while the box has no owner. */
export function makeSetupCode(): string {
  const letters = Array.from({ length: CODE_CHARS }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)]);
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`;
}

/** Case, blanks and dashes do not matter. */
export function isSetupCode(given: string, expected: string): boolean {
  return timingSafeEqual(digestOf(given), digestOf(expected));
}

const digestOf = (code: string): Buffer =>
  createHash('sha256')
    .update(code.toUpperCase().replace(/[^0-9A-Z]/g, ''))
    .digest();
