import { renderUnicodeCompact } from 'uqr';
import { fingerprintLines } from '../../base/fingerprint.ts';

export interface SetupNotice {
  readonly code: string;
  /** Of the page, without a slash at its end. */
  readonly url: string;
  /** SHA-256 of the certificate of the box's own authority, `AB:CD:…`; undefined while it has none. */
  readonly fingerprint?: string | undefined;
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
    ...trustLines(notice),
    '',
  ];
}

/** For comparing with `/trust`, which plain http brings to the browser: another machine in between may change it. */
function trustLines({ url, fingerprint }: SetupNotice): readonly string[] {
  if (fingerprint === undefined) {
    return [];
  }
  return [
    `For https: ${url}/trust has to show this fingerprint`,
    ...fingerprintLines(fingerprint).map((line) => `  ${line}`),
  ];
}

const qrLines = (text: string): readonly string[] =>
  renderUnicodeCompact(text, { ecc: 'L', border: QR_MARGIN })
    .split('\n')
    .map((line) => `${WHITE_ON_BLACK}${line}${AS_BEFORE}`);
