import { renderUnicodeCompact } from 'uqr';

export interface SetupNotice {
  readonly code: string;
  /** Of the page, without a slash at its end. */
  readonly url: string;
}

/** White on black whatever the terminal's colours are: scanners want the light squares light. */
const [WHITE_ON_BLACK, AS_BEFORE] = ['\x1b[97;40m', '\x1b[0m'];
/** Squares. */
const QR_MARGIN = 2;

/** The code stands behind `#`, which no browser sends to anybody. */
export const setupLink = ({ code, url }: SetupNotice): string => `${url}/#/setup/${code}`;

/** What a person in front of the box is shown until it has an owner: never for a log. */
export function setupNotice(notice: SetupNotice): readonly string[] {
  return [
    '',
    ...qrLines(setupLink(notice)),
    '',
    'This box has no owner yet. Scan the code, or open this link, and choose a password:',
    `  ${setupLink(notice)}`,
    `The same by hand: ${notice.url} and the setup code ${notice.code}`,
    '',
  ];
}

const qrLines = (text: string): readonly string[] =>
  renderUnicodeCompact(text, { ecc: 'L', border: QR_MARGIN })
    .split('\n')
    .map((line) => `${WHITE_ON_BLACK}${line}${AS_BEFORE}`);
