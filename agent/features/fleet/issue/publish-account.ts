import { jetstreamManager } from '@nats-io/jetstream';
import { explain, PerchError } from '../../../base/errors.ts';
import { type BusConnection, openBus } from '../bus/connection.ts';
import { isClosed, KEPT } from '../bus/stores.ts';
import { STREAMS } from '../bus/subjects.ts';
import type { FleetAuthority } from './authority.ts';

const ANSWER_MS = 10_000;
/** Where NATS servers with a full resolver take the new JWT of an account. */
const UPDATE = '$SYS.REQ.CLAIMS.UPDATE';

async function connectAs(account: 'system' | 'account', server: string, keys: FleetAuthority, nowMs: number) {
  const { authority } = keys;
  const credential = { ...(await keys.ownerCredential(account, nowMs)), ...(authority !== undefined && { authority }) };
  return openBus(server, { format: 'perch-fleet', ...credential }, { role: 'server', id: 'owner' });
}

/** Gives a NATS server and its cluster the account's JWT: they end the connections of revoked members. @throws PerchError */
export async function publishAccount(server: string, keys: FleetAuthority, nowMs: number): Promise<void> {
  const { client, close } = await connectAs('system', server, keys, nowMs);
  try {
    const answer = await client.request(UPDATE, await keys.accountJwt(), { timeout: ANSWER_MS });
    const { data, error } = answer.json<{ data?: { code?: number }; error?: { description?: string } }>();
    if (data?.code !== 200) {
      throw new PerchError(
        'unavailable',
        `${server} rejects the account: ${error?.description ?? 'it does not say why'}`,
      );
    }
  } finally {
    await close();
  }
}

/** Has streams that servers of before, or the owner, have made reject requests that empty them. Servers may not change them. @returns what it did */
export async function closeStreams(server: string, keys: FleetAuthority, nowMs: number): Promise<string> {
  let bus: BusConnection | undefined;
  try {
    bus = await connectAs('account', server, keys, nowMs);
    const { streams } = await jetstreamManager(bus.client, { checkAPI: false });
    const found = (await streams.list().next()).map(({ config }) => config);
    const open = found.filter((config) => STREAMS.includes(config.name) && !isClosed(config));
    for (const { name } of open) {
      await streams.update(name, KEPT);
    }
    return open.map(({ name }) => `No request can empty ${name} from now on.\n`).join('');
  } catch (error) {
    return `The streams of the bus were not checked: ${explain(error)}. Run perch fleet publish FOLDER again.\n`;
  } finally {
    await bus?.close();
  }
}
