import { randomInt } from 'node:crypto';

/** Name and password of the access point on which the owner chooses the box's network. */
interface AccessPoint {
  readonly name: string;
  readonly password: string;
}

/** Letters and digits that do not look like others on a screen. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
const NAME_LETTERS = 4;
/** Gives a password of 59 bits. */
const PASSWORD_LETTERS = 12;

const letters = (count: number): string =>
  Array.from({ length: count }, () => LETTERS[randomInt(LETTERS.length)]).join('');

export const newAccessPoint = (): AccessPoint => ({
  name: `Perch-${letters(NAME_LETTERS).toUpperCase()}`,
  password: letters(PASSWORD_LETTERS),
});

/** @param text `NAME PASSWORD` @returns undefined if it is none */
export function parseAccessPoint(text: string): AccessPoint | undefined {
  const [, name, password] = /^(Perch-[A-Z0-9]{4}) ([\x20-\x7e]{8,63})\n$/.exec(text) ?? [];
  return name === undefined || password === undefined ? undefined : { name, password };
}

export const accessPointText = ({ name, password }: AccessPoint): string => `${name} ${password}\n`;

/** Line of the shipped setup file. */
const PLACE = '# Name and password are on the screen and, after the first start, here.';

/** The setup file with the access point of this card. */
export const withAccessPoint = (setupFile: string, point: AccessPoint | undefined): string =>
  point === undefined ? setupFile : setupFile.replace(PLACE, () => `# Now: ${point.name}, password ${point.password}`);
