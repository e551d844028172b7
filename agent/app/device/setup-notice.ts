import { renderUnicodeCompact } from 'uqr';
import { fingerprintLines } from '../../base/fingerprint.ts';

interface SetupNotice {
  readonly code: string;
  /** URL of the page, without a trailing slash. */
  readonly url: string;
  /** SHA-256 of the own authority's certificate, `AB:CD:…`; undefined if there is none. */
  readonly fingerprint?: string | undefined;
}

/** White on black in any terminal, because scanners need light squares. */
const [WHITE_ON_BLACK, AS_BEFORE] = ['\x1b[97;40m', '\x1b[0m'];
/** Width of the QR code's quiet zone, in modules. */
const QR_MARGIN = 2;

/** The code follows `#`, so browsers do not send it. */
const setupLink = ({ code, url }: SetupNotice): string => `${url}/#/setup/${code}`;

/** Shown at the box until there is an owner; never logged. */
export function setupNotice(notice: SetupNotice): readonly string[] {
  return [
    '',
    ...qrLines(setupLink(notice)),
    '',
    'This box has no owner yet. Scan the code or open this link to choose a password:',
    `  ${setupLink(notice)}`,
    `Or open ${notice.url} and enter the setup code ${notice.code}`,
    ...trustLines(notice),
    '',
  ];
}

/** The fingerprint for comparison with `/trust`, which is served over plain HTTP and could be modified on the way. */
function trustLines({ url, fingerprint }: SetupNotice): readonly string[] {
  if (fingerprint === undefined) {
    return [];
  }
  return [
    `For https: ${url}/trust must show this fingerprint`,
    ...fingerprintLines(fingerprint).map((line) => `  ${line}`),
  ];
}

const qrLines = (text: string): readonly string[] =>
  renderUnicodeCompact(text, { ecc: 'L', border: QR_MARGIN })
    .split('\n')
    .map((line) => `${WHITE_ON_BLACK}${line}${AS_BEFORE}`);
