import { join } from 'node:path';
import { freePort } from '../../support/base/free-port.ts';
import { recordClock } from '../../support/disks/recorded-clock.ts';
import { type Agent, startAgent } from './agent.ts';

/** A request of the owner's page. @throws Error for a failure */
export async function asOwner<T>(
  agent: Pick<Agent, 'url' | 'headers'>,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const response = await fetch(`${agent.url}${path}`, {
    method,
    headers: { ...agent.headers, ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }
  return (await response.json()) as T;
}

export interface PairedBox {
  readonly agent: Agent;
  /** Id of the box on the server. */
  readonly id: string;
}

interface Recording {
  readonly path: string;
  readonly startMs: number;
  readonly seconds: number;
}

/** A box with these cameras and recordings. @param source of the cameras; default: they wait for a publisher */
export async function startBox(
  cameras: readonly string[],
  recordings: readonly Recording[],
  source = 'publisher',
): Promise<Agent> {
  const tls = await freePort();
  const pulled = source === 'publisher' ? {} : { rtspTransport: 'tcp' };
  const hasRecordings = recordings.length > 0;
  const paths = Object.fromEntries(cameras.map((name) => [name, { source, ...pulled }]));
  const agent = await startAgent({
    isOwned: true,
    listen: () => ({ tlsAddress: `127.0.0.1:${tls}` }),
    ...(!hasRecordings && cameras.length > 0 && { own: `perch: own\npaths: ${JSON.stringify(paths)}\n` }),
  });
  for (const { path, startMs, seconds } of recordings) {
    await recordClock(join(agent.dataDir, 'recordings'), path, startMs, seconds);
  }
  // After the recordings, which Perch looks for when a camera is added.
  for (const name of hasRecordings ? cameras : []) {
    await asOwner(agent, 'POST', `/v3/config/paths/add/${name}`, { source, ...pulled });
  }
  return agent;
}

/** An invitation by the box's owner. @param cameras that are shared */
export async function inviteServer(
  box: Pick<Agent, 'url' | 'headers'>,
  cameras: 'all' | readonly string[] = 'all',
): Promise<string> {
  const path = '/v3/pairedservers/invitations';
  return (await asOwner<{ readonly invitation: string }>(box, 'POST', path, { cameras })).invitation;
}

/** The server shows the shared cameras of the box. */
export async function pairBox(
  server: Agent,
  agent: Agent,
  shared: 'all' | readonly string[] = 'all',
): Promise<PairedBox> {
  const invitation = await inviteServer(agent, shared);
  const { id } = await asOwner<{ readonly id: string }>(server, 'POST', '/v3/boxes', { invitation });
  return { agent, id };
}

/** The box ends the pairing with all servers. */
export async function revokeAll(box: Agent): Promise<void> {
  const { items } = await asOwner<{ readonly items: readonly { readonly id: string }[] }>(
    box,
    'GET',
    '/v3/pairedservers/list',
  );
  for (const { id } of items) {
    await asOwner(box, 'DELETE', `/v3/pairedservers/${id}`);
  }
}
