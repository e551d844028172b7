import type { AwayServerItem } from '../../../agent/features/away/routes.ts';
import { fetchJson, RequestError } from '../../api-client/request.ts';
import { FieldError } from '../../forms/form.ts';
import type { CameraSelection } from '../../people/people.ts';
import { nowMs } from '../../shell/page-state.ts';
import { moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { peopleWords } from '../../words/settings/people.ts';
import { awayWords } from './words.ts';

export const CALLED_ADDRESS = 'v3/away/servers/list?itemsPerPage=1000';
export const BOXES_ADDRESS = 'v3/boxes/list?itemsPerPage=1000';
const INVITATION = /^perch:\/\/server\?\S+$/;
const ADDRESS = /^(\[[\da-f:.]+\]|[\w.-]{1,253})(?::(\d{1,5}))?$/i;
const HTTPS_PORT = 443;

/** A box of `v3/boxes/list`. */
export interface ListedBox {
  readonly id: string;
  readonly name: string;
  readonly state: AwayServerItem['state'];
  readonly since: string;
  readonly linked: boolean;
}

/** What a server may do, as in `v3/away/servers`. */
export const RIGHTS = ['live', 'recordings', 'talk', 'turn', 'switch', 'settings', 'fleet'] as const;
type Right = (typeof RIGHTS)[number];

export interface JoinValues {
  readonly invitation: string;
  readonly cameras: CameraSelection;
  readonly rights: readonly Right[];
}

export function rightName(right: Right): string {
  const { deviceLive: live, deviceRecordings: recordings, mayTurn: turn, maySwitch, maySet } = peopleWords.value;
  const { mayTalk: talk, mayFleet: fleet } = awayWords.value;
  return { live, recordings, talk, turn, switch: maySwitch, settings: maySet, fleet }[right];
}

export const oneRight = (rights: readonly Right[]): string | undefined =>
  rights.includes('live') || rights.includes('recordings') ? undefined : awayWords.peek().oneRight;

export const invitationFault = (text: string): string | undefined =>
  INVITATION.test(text.trim()) ? undefined : awayWords.peek().invitationWrong;

/** `Connected since 14:02` */
export function linkText({ state, since }: Pick<ListedBox, 'state' | 'since'>): string {
  const t = awayWords.value;
  const at = moment(Date.parse(since), nowMs.value, i18n());
  return {
    connected: t.connectedSince(at),
    connecting: t.connecting,
    away: t.awaySince(at),
    refused: t.refusedSince(at),
  }[state];
}

/** `host:port` of an address that a person has entered, such as that of a page; undefined if it is none. */
export function addressOf(text: string): string | undefined {
  const [, host, port] =
    ADDRESS.exec(
      text
        .trim()
        .replace(/^https:\/\//i, '')
        .replace(/\/.*$/, ''),
    ) ?? [];
  const number = Number(port ?? HTTPS_PORT);
  return host === undefined || number < 1 || number > 65_535 ? undefined : `${host}:${number}`;
}

export const addressFault = (text: string): string | undefined =>
  text.trim() === '' || addressOf(text) !== undefined ? undefined : awayWords.peek().ownAddressWrong;

/** @param address as entered; empty: those that the server knows */
export const createInvitation = (address: string): Promise<{ readonly invitation: string }> => {
  const at = addressOf(address);
  const body = at === undefined ? {} : { addresses: [at] };
  return fetchJson<{ readonly invitation: string }>('v3/away/invitations', { method: 'POST', body });
};

/** Connects to the server of an invitation, and pairs with it. */
export async function join({ invitation, cameras, rights }: JoinValues): Promise<AwayServerItem> {
  const granted = Object.fromEntries(RIGHTS.map((right) => [right, rights.includes(right)]));
  const body = { invitation: invitation.trim(), cameras, ...granted };
  try {
    // The box connects to all addresses and waits for the server.
    return await fetchJson<AwayServerItem>('v3/away/servers', { method: 'POST', body, limitMs: 40_000 });
  } catch (error) {
    throw joinError(error);
  }
}

function joinError(error: unknown): unknown {
  const { status, why } = error instanceof RequestError ? error : { status: 0, why: undefined };
  const { invitationUsed, invitationWrong, serverIsOther, serverUnreachable } = awayWords.peek();
  const known: Readonly<Record<string, string>> = {
    invitation: invitationUsed,
    invitationForm: invitationWrong,
    certificate: serverIsOther,
    pin: serverIsOther,
    proof: serverIsOther,
  };
  const text = known[why ?? ''] ?? (status === 503 || status === 504 ? serverUnreachable : undefined);
  return text === undefined ? error : new FieldError<{ readonly invitation: string }>('invitation', text);
}
