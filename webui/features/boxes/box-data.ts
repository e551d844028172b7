import { fetchJson, RequestError } from '../../api-client/request.ts';
import { FieldError } from '../../forms/form.ts';
import { nowMs } from '../../shell/page-state.ts';
import { parseRoute } from '../../shell/route.ts';
import { duration, moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { boxesWords } from '../../words/settings/boxes.ts';

interface OfferedCamera {
  /** Name of the path on the box. */
  readonly path: string;
  readonly name: string | null;
  /** Name of its path on this server; null: it is not shown here. */
  readonly here: string | null;
}

/** A box whose cameras this server shows. Times are RFC 3339. */
export interface BoxItem {
  readonly id: string;
  readonly name: string;
  readonly state: 'connecting' | 'connected' | 'away' | 'refused';
  readonly since: string;
  /** Why it is away, in English. */
  readonly error: string | null;
  /** Null: never. */
  readonly seen: string | null;
  /** Seconds that its clock is ahead of the server's; null: not known. */
  readonly clockOffset: number | null;
  readonly addresses: readonly string[];
  readonly cameras: readonly OfferedCamera[];
}

export const BOXES_ADDRESS = 'v3/boxes/list?itemsPerPage=1000';

/** Time limit of pairing: the server connects to all addresses and waits for the box. */
const MAX_PAIRING_MS = 30_000;
const INVITATION = /^perch:\/\/invitation\?\S+$/;
/** The server's syntax of an address: `host:port`. */
const ADDRESS = /^(?:\[[\da-f:.]+(?:%[\w.~-]+)?\]|[\w.-]{1,253}):(\d{1,5})$/i;
const SUB = '_sub';

/** Cameras without their sub streams. */
export function mainCameras({ cameras }: Pick<BoxItem, 'cameras'>): readonly OfferedCamera[] {
  const all = new Set(cameras.map(({ path }) => path));
  return cameras.filter(({ path }) => !(path.endsWith(SUB) && all.has(path.slice(0, -SUB.length))));
}

/** Offset above which the server reports a problem. */
const MAX_CLOCK_OFFSET_S = 2;

export const isThere = ({ state }: BoxItem): boolean => state === 'connected' || state === 'connecting';

/** undefined: the clocks agree. */
export function clockText({ clockOffset: offset }: Pick<BoxItem, 'clockOffset'>): string | undefined {
  if (offset === null || Math.abs(offset) <= MAX_CLOCK_OFFSET_S) {
    return undefined;
  }
  const { boxClockAhead, boxClockBehind } = boxesWords.value;
  const time = duration(Math.abs(offset) * 1000, i18n());
  return offset > 0 ? boxClockAhead(time) : boxClockBehind(time);
}

/** `Away since 14:02 · last seen 14:01`. */
export function stateText({ state, since, seen }: BoxItem): string {
  const t = boxesWords.value;
  const at = (time: string) => moment(Date.parse(time), nowMs.value, i18n());
  const lastSeen = seen === null ? t.boxNeverSeen : t.serverSeen(at(seen));
  switch (state) {
    case 'connected':
      return t.boxConnected;
    case 'connecting':
      return t.boxConnecting;
    case 'away':
      return `${t.boxAwaySince(at(since))} · ${lastSeen}`;
    case 'refused':
      return `${t.boxRefusesSince(at(since))} · ${lastSeen}`;
  }
}

/** The invitation in a pasted text, which may be a link to this page. */
export function invitationIn(text: string): string | undefined {
  const given = text.trim();
  const hash = given.indexOf('#');
  const linked = /^https?:/.test(given) && hash >= 0 ? parseRoute(given.slice(hash)) : undefined;
  const invitation = linked?.page === 'settings' ? linked.invitation : given;
  return invitation !== undefined && INVITATION.test(invitation) ? invitation : undefined;
}

export const linesOf = (text: string): readonly string[] => text.split(/[\s,]+/).filter((line) => line !== '');

/** What is wrong with the addresses of the form. */
export function addressesFault(text: string): string | undefined {
  const lines = linesOf(text);
  const wrong = lines.find((line) => {
    const port = Number(ADDRESS.exec(line)?.[1] ?? 0);
    return port < 1 || port > 65_535;
  });
  const { boxAddressWrong, boxNoAddress } = boxesWords.peek();
  return wrong === undefined ? (lines.length === 0 ? boxNoAddress : undefined) : boxAddressWrong(wrong);
}

/** Pairs with a box. After a lost response, a box that has appeared since the first attempt is taken for the new one. */
export class AddBox {
  #before: ReadonlySet<string> | undefined;
  #isUnanswered = false;

  async pair(invitation: string): Promise<BoxItem> {
    this.#before ??= new Set((await loadBoxes()).map(({ id }) => id));
    const body = { invitation, cameras: [] };
    try {
      return await fetchJson<BoxItem>('v3/boxes', { method: 'POST', body, limitMs: MAX_PAIRING_MS });
    } catch (error) {
      const { status, why } = error instanceof RequestError ? error : { status: undefined, why: undefined };
      this.#isUnanswered ||= status === 0;
      const come =
        why === 'invitation' && this.#isUnanswered
          ? (await loadBoxes()).find(({ id }) => !this.#before?.has(id))
          : undefined;
      if (come) {
        return come;
      }
      throw pairingError(error);
    }
  }
}

const loadBoxes = async (): Promise<readonly BoxItem[]> =>
  (await fetchJson<{ readonly items: readonly BoxItem[] }>(BOXES_ADDRESS)).items;

function pairingError(error: unknown): unknown {
  const { status, why } = error instanceof RequestError ? error : { status: 0, why: undefined };
  const { boxInvitationUsed, boxIsOther, boxUnreachable } = boxesWords.peek();
  const text =
    why === 'invitation'
      ? boxInvitationUsed
      : why === 'pin'
        ? boxIsOther
        : status === 503 || status === 504
          ? boxUnreachable
          : undefined;
  return text === undefined ? error : new FieldError<{ readonly invitation: string }>('invitation', text);
}
