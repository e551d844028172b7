import type { PairedServerItem } from '../../../agent/features/boxes/routes.ts';
import { fetchJson } from '../../api-client/request.ts';
import { urlOf } from '../../api-client/urls.ts';
import type { CameraSelection } from '../../people/people.ts';
import { peopleWords } from '../../words/settings/people.ts';
import { invitationLink } from './box-data.ts';
import { boxesWords } from './words.ts';

/** What a server may do with the chosen cameras, as in `/v3/pairedservers`. */
export const SERVER_RIGHTS = ['live', 'recordings', 'talk', 'turn', 'switch', 'settings', 'fleet'] as const;
type ServerRight = (typeof SERVER_RIGHTS)[number];

export function serverRightName(right: ServerRight): string {
  const t = peopleWords.value;
  const { deviceLive: live, deviceRecordings: recordings, mayTurn: turn, maySwitch, maySet: settings } = t;
  const { serverTalks: talk, serverFleet: fleet } = boxesWords.value;
  return { live, recordings, talk, turn, switch: maySwitch, settings, fleet }[right];
}

interface Invitation {
  readonly invitation: string;
  /** RFC 3339. */
  readonly until: string;
}

/** Values of the form. */
export interface ServerTerms {
  readonly cameras: CameraSelection;
  readonly rights: readonly ServerRight[];
}

export const SERVERS_ADDRESS = 'v3/pairedservers/list?itemsPerPage=1000';

export const rightsOf = (server: PairedServerItem): readonly ServerRight[] =>
  SERVER_RIGHTS.filter((right) => server[right]);

/** Rights that are chosen at first for a new invitation. */
export const FIRST_RIGHTS: readonly ServerRight[] = ['live', 'recordings'];

/** The changed terms as the body of a request. */
export const bodyOf = ({ cameras, rights }: Partial<ServerTerms>): object => ({
  ...(cameras && { cameras }),
  ...(rights && Object.fromEntries(SERVER_RIGHTS.map((right) => [right, rights.includes(right)]))),
});

export const oneRight = (rights: readonly ServerRight[]): string | undefined =>
  rights.includes('live') || rights.includes('recordings') ? undefined : boxesWords.peek().oneServerRight;

export const createInvitation = (terms: ServerTerms): Promise<Invitation> =>
  fetchJson<Invitation>('v3/pairedservers/invitations', { method: 'POST', body: bodyOf(terms) });

/** A link to the server's page that contains the invitation, or undefined if `page` is not an address. */
export function linkFor(page: string, invitation: string): string | undefined {
  const text = page.trim();
  const address = urlOf(/^https?:\/\//i.test(text) ? text : `https://${text}`);
  return text === '' || !address ? undefined : `${address.origin}${address.pathname}${invitationLink(invitation)}`;
}
