import { renderUnicodeCompact } from 'uqr';
import { fingerprintLines } from '../../base/fingerprint.ts';
import type { OwnCommand } from '../../base/own-command.ts';

interface SetupNotice {
  readonly code: string;
  /** URL of the page, without a trailing slash. */
  readonly url: string;
  /** SHA-256 of the own authority's certificate, `AB:CD:…`; undefined if there is none. */
  readonly fingerprint?: string | undefined;
  /** Command line that sets the password without a browser. */
  readonly claim: string;
}

/** White on black in any terminal, because scanners need light squares. */
const [WHITE_ON_BLACK, AS_BEFORE] = ['\x1b[97;40m', '\x1b[0m'];
/** Width of the QR code's quiet zone, in modules. */
const QR_MARGIN = 2;

/** The code follows `#`, so browsers do not send it. */
const setupLink = ({ code, url }: SetupNotice): string => `${url}/#/setup/${code}`;

/**
 * Shown at the box and on standard output until there is an owner; never logged.
 * @param isTerminal whether a QR code can be scanned from the output
 */
export function setupNotice(notice: SetupNotice, isTerminal: boolean): readonly string[] {
  return [
    '',
    ...(isTerminal ? [...qrLines(setupLink(notice)), ''] : []),
    `This box has no owner yet. ${isTerminal ? 'Scan the code or open' : 'Open'} this link to choose a password:`,
    `  ${setupLink(notice)}`,
    `Or open ${notice.url} and enter the setup code ${notice.code}`,
    `Without a browser: ${notice.claim}`,
    ...trustLines(notice),
    '',
  ];
}

/** For outputs without the setup code, and for boxes that cannot be claimed over HTTP. @param hasLink whether there is a setup link */
export const ownerNotice = (own: OwnCommand, hasLink: boolean): string =>
  `This box has no owner yet. ${own.of('claim')} sets the password${hasLink ? `, ${own.of('claim --link')} shows a link for browsers` : ''}`;

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
