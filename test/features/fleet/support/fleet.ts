import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager, type StreamAPI } from '@nats-io/jetstream';
import { decode, encodeUser, type User } from '@nats-io/jwt';
import { type NatsConnection, nkeys } from '@nats-io/transport-node';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { BoxSide } from '../../../../agent/features/fleet/bus/box-side.ts';
import { BusLink } from '../../../../agent/features/fleet/bus/bus-link.ts';
import { type BusConnection, openBus } from '../../../../agent/features/fleet/bus/connection.ts';
import { type Credential, type Member, memberOf } from '../../../../agent/features/fleet/bus/credential.ts';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { EVENT_STREAM, eventSubject, storedSubject } from '../../../../agent/features/fleet/bus/subjects.ts';
import { FleetAuthority } from '../../../../agent/features/fleet/issue/authority.ts';
import { publishAccount } from '../../../../agent/features/fleet/issue/publish-account.ts';
import { until } from '../../../peers/agent/agent.ts';
import { NATS_AUTHORITY, type NatsServer, startNatsServer } from '../../../peers/programs/nats-server.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { ScriptedSource } from './scripted-source.ts';

export const YARD = '00000000000000b1';
export const BARN = '00000000000000b2';

/** A fleet with its keys and one NATS server. */
export interface Fleet extends AsyncDisposable {
  readonly keys: FleetAuthority;
  readonly nats: NatsServer;
  readonly folder: string;
  issue(role: Member['role'], id: string): Promise<Credential>;
  /** A connection of a program that has this credential. */
  connect(credential: Credential): Promise<NatsConnection>;
}

export async function startFleet(hosts: readonly string[] = []): Promise<Fleet> {
  const folder = temporaryFolder();
  const keys = await FleetAuthority.create(folder.path, {
    natsURL: 'tls://127.0.0.1',
    authority: NATS_AUTHORITY,
    hosts,
  });
  const nats = await startNatsServer((store) => keys.serverConfig(store));
  await publishAccount(new URL(nats.url).host, keys, Date.now());
  const open: NatsConnection[] = [];
  return {
    keys,
    nats,
    folder: folder.path,
    issue: (role, id) => keys.issue({ role, id }),
    connect: async (credential) => {
      const { client } = await openBus(new URL(nats.url).host, credential, memberOf(credential.jwt));
      open.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(open.map((client) => client.close()));
      await nats[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** The same credential with other rights, as the owner of the keys could issue it. */
export async function withRights(
  fleet: Fleet,
  credential: Credential,
  change: (rights: User) => User,
): Promise<Credential> {
  const { account } = JSON.parse(readFileSync(join(fleet.folder, 'fleet-keys.json'), 'utf8'));
  const { name, nats } = decode<User>(credential.jwt);
  const key = (seed: string) => nkeys.fromSeed(new TextEncoder().encode(seed));
  return { ...credential, jwt: await encodeUser(name, key(credential.seed), key(account), change(nats as User)) };
}

/** What a box could do by its credential when that permitted one answer to wherever a message named. */
export const RESPONSES = { resp: { max: 1, ttl: 30e9 } };

/** A box on the bus; `former` is its data folder before. */
export function startBox(fleet: Pick<Fleet, 'nats'>, credential: Credential, former?: string) {
  const folder = former === undefined ? temporaryFolder() : undefined;
  const path = former ?? folder?.path ?? '';
  writeFileSync(join(path, CREDENTIAL_FILE), JSON.stringify(credential), { mode: 0o600 });
  const source = new ScriptedSource();
  const { id: box } = memberOf(credential.jwt);
  const jwts: string[] = [];
  const onConnected = async (_: BusConnection, { jwt }: Credential) => void jwts.push(jwt);
  const options = { source, box, folder: path, clock: systemClock, log: silentLogger, onConnected };
  const side = new BoxSide(options);
  const serverSide = () => {
    throw new Error('this is a box');
  };
  const link = new BusLink({ ...options, boxSide: () => side, serverSide, url: fleet.nats.url });
  return {
    link,
    source,
    folder: path,
    /** Of its connections. */
    jwts,
    becomes: (state: string) => until(() => (link.status.state === state ? true : undefined)),
    async [Symbol.asyncDispose]() {
      await link.close();
      side.close();
      folder?.[Symbol.dispose]();
    },
  };
}

/** Publishes as a box does, and waits until the stream has it. @param reply where the confirmation of a stream would go */
export async function publishStored(client: NatsConnection, box: string, body: object, reply?: string): Promise<void> {
  const stored = client.subscribe(storedSubject(box), { max: 1 });
  client.publish(eventSubject(box), JSON.stringify(body), reply === undefined ? {} : { reply });
  for await (const _ of stored) {
    return;
  }
}

/** All messages of the stream of events: subject and id of the event. */
export async function storedEvents(
  client: NatsConnection,
): Promise<{ readonly subject: string; readonly id: string }[]> {
  const { streams }: { streams: StreamAPI } = await jetstreamManager(client, { checkAPI: false });
  const { state } = await streams.info(EVENT_STREAM);
  const found = [];
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq += 1) {
    const message = await streams.getMessage(EVENT_STREAM, { seq });
    if (message) {
      found.push({ subject: message.subject, id: message.json<{ id: string }>().id });
    }
  }
  return found;
}
