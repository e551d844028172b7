import type { BoxAnswer } from '../../../agent/features/boxes/routes.ts';
import { fetchJson, RequestError } from '../../api-client/request.ts';
import { FieldError } from '../../forms/form.ts';
import { nowMs } from '../../shell/page-state.ts';
import { parseRoute, type Route, settingsLink } from '../../shell/route.ts';
import { duration, moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { boxesWords } from './words.ts';

export const BOXES_ADDRESS = 'v3/boxes/list?itemsPerPage=1000';

const INVITATION_START = 'perch://invitation?';
const INVITATION = /^perch:\/\/invitation\?\S+$/;
/** The server's syntax of an address: `host:port`. */
const ADDRESS = /^(?:\[[\da-f:.]+(?:%[\w.~-]+)?\]|[\w.-]{1,253}):(\d{1,5})$/i;
const SUB = '_sub';

/** Cameras without their sub streams. */
export function mainCameras({ cameras }: Pick<BoxAnswer, 'cameras'>): BoxAnswer['cameras'] {
  const all = new Set(cameras.map(({ path }) => path));
  return cameras.filter(({ path }) => !(path.endsWith(SUB) && all.has(path.slice(0, -SUB.length))));
}

/** Offset above which the server reports a problem. */
const MAX_CLOCK_OFFSET_S = 2;

export const isThere = ({ state }: BoxAnswer): boolean => state === 'connected' || state === 'connecting';

/** Undefined if the clocks agree. */
export function clockText({ clockOffset: offset }: Pick<BoxAnswer, 'clockOffset'>): string | undefined {
  if (offset === null || Math.abs(offset) <= MAX_CLOCK_OFFSET_S) {
    return undefined;
  }
  const { boxClockAhead, boxClockBehind } = boxesWords.value;
  const time = duration(Math.abs(offset) * 1000, i18n());
  return offset > 0 ? boxClockAhead(time) : boxClockBehind(time);
}

/** `Away since 14:02 · last seen 14:01`. */
export function stateText({ state, since, seen }: BoxAnswer): string {
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

/** The page that adds a box, with its invitation. */
export const invitationLink = (invitation: string): string =>
  `${settingsLink('cameras', 'boxes')}?${invitation.slice(INVITATION_START.length)}`;

/** The invitation in a link to this page. */
export const linkedInvitation = (there: Route): string | undefined =>
  there.page === 'settings' && there.part === 'boxes' && there.query !== undefined
    ? INVITATION_START + there.query
    : undefined;

/** The invitation in a pasted text, which may be a link to this page. */
export function invitationIn(text: string): string | undefined {
  const given = text.trim();
  const hash = given.indexOf('#');
  const isLink = /^https?:/.test(given) && hash >= 0;
  const invitation = isLink ? linkedInvitation(parseRoute(given.slice(hash))) : given;
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

  async pair(invitation: string): Promise<BoxAnswer> {
    this.#before ??= new Set((await loadBoxes()).map(({ id }) => id));
    const body = { invitation, cameras: [] };
    try {
      // The server connects to all addresses and waits for the box.
      return await fetchJson<BoxAnswer>('v3/boxes', { method: 'POST', body, limitMs: 30_000 });
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

const loadBoxes = async (): Promise<readonly BoxAnswer[]> =>
  (await fetchJson<{ readonly items: readonly BoxAnswer[] }>(BOXES_ADDRESS)).items;

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
