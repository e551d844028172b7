import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { FleetAuthority } from '../../../../agent/features/fleet/issue/authority.ts';
import { publishAccount } from '../../../../agent/features/fleet/issue/publish-account.ts';
import { type Agent, freeAgentPorts, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { startGstCamera } from '../../../peers/cameras/camera.ts';
import { type FarBox, type Home, openHome, startFarBox } from '../../../peers/host/far-box.ts';
import { makeCertificate } from '../../../peers/host/proxies.ts';
import { type NatsServer, startNatsServer } from '../../../peers/programs/nats-server.ts';
import { type Postgresql, startPostgresql } from '../../../peers/programs/postgresql.ts';
import { freePorts } from '../../../support/base/free-port.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { type Balancer, startBalancer } from './balancer.ts';

interface Sizes {
  readonly boxes: number;
  readonly replicas: number;
  readonly natsServers: number;
  /** The servers have Perch's own certificates, which nobody trusts; default: that of the balancer. */
  readonly hasOwnCertificates?: boolean;
  /** The balancer keeps each client at one server; default: it knows no sessions. */
  readonly isSticky?: boolean;
}

/** A box in a home of its own. */
export interface FleetBox {
  readonly id: string;
  readonly name: string;
  readonly home: Home;
  readonly box: FarBox;
  /** File of what its camera's loudspeaker has played, as A-law. */
  readonly heard: string;
}

export interface Replica {
  readonly agent: Agent;
  kill(): Promise<void>;
  /** Starts it again, on its ports and with its data folder. */
  start(): Promise<void>;
}

/** Boxes behind routers that let nothing in, and servers behind HAProxy that share PostgreSQL and NATS. */
export interface Replicated extends AsyncDisposable {
  readonly balancer: Balancer;
  readonly boxes: readonly FleetBox[];
  readonly replicas: readonly Replica[];
  readonly nats: readonly NatsServer[];
  readonly postgresql: Postgresql;
  readonly keys: FleetAuthority;
  /** The owner, at the balancer. */
  readonly owner: Pick<Agent, 'url' | 'headers'>;
}

export const PEERS = ['nats-server', 'postgresql', 'haproxy', 'gstreamer', 'nft', 'namespaces'] as const;

/** Path of a box's camera on the replicas. */
export const cameraOf = (box: number): string => `home${box}/gate`;

const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )';

const idOf = (number: number): string => number.toString(16).padStart(16, 'b');

/** Needs root, and the programs of `PEERS`. Each box has one camera, `gate`, and records it. */
export async function startReplicated({
  boxes: count,
  replicas: replicaCount,
  natsServers,
  hasOwnCertificates = false,
  isSticky = false,
}: Sizes): Promise<Replicated> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder()).path;
  const homes: Home[] = [];
  for (let i = 0; i < count; i += 1) {
    homes.push(stack.use(await openHome()));
  }
  // Any address of this machine, which is the internet, will do.
  const host = homes[0]?.router.hostIp ?? '';
  makeCertificate(folder, `IP:${host}`, 'IP:127.0.0.1');
  const [cert, key, both] = ['cert.pem', 'cert.key', 'both.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
  const trusting = { NODE_EXTRA_CA_CERTS: cert };

  const tlsPorts = await freePorts(replicaCount);
  const addresses = tlsPorts.map((port) => `${host}:${port}`);
  const keys = await FleetAuthority.create(folder, {
    natsURL: `tls://${host}`,
    authority: readFileSync(cert, 'utf8'),
    hosts: addresses,
  });
  const nats = await startCluster(natsServers, keys, host, { cert, key });
  for (const server of nats) {
    stack.use(server);
  }
  await until(() =>
    publishAccount(new URL(nats[0]?.url ?? '').host, keys, Date.now()).then(
      () => true,
      () => undefined,
    ),
  );
  const natsURL = nats.map(({ url }) => url).join(',');
  const postgresql = stack.use(await startPostgresql());
  const { url: databaseURL } = await postgresql.database();

  const ids = homes.map((_, i) => idOf(i));
  const shown = ids.map((id, i) => `  ${cameraOf(i)}: {source: 'perch://${id}/gate', sourceOnDemand: yes}\n`);
  const config = `perch: own\nnatsURL: ${natsURL}\ntrustedProxies: [127.0.0.1]\npaths:\n${shown.join('')}`;
  const open = async (i: number): Promise<Replica> => {
    const [dataDir, address] = [join(folder, `replica${i}`), addresses[i] ?? ''];
    const certificate = hasOwnCertificates ? '' : `tlsServerCert: ${cert}\ntlsServerKey: ${key}\n`;
    const more = `replicaAddress: ${address}\n${certificate}`;
    const options = {
      ...{ dataDir, config: more + config, env: { ...trusting, PERCH_DATABASEURL: databaseURL } },
      ...{ ports: await freeAgentPorts(), listen: () => ({ tlsAddress: address }) },
    };
    return stack.use(await startReplica((isFirst) => startAgent({ ...options, isOwned: i === 0 && isFirst })));
  };
  for (const i of addresses.keys()) {
    mkdirSync(join(folder, `replica${i}`));
    const credential = await keys.issue({ role: 'server', id: `r${i}` });
    writeFileSync(join(folder, `replica${i}`, CREDENTIAL_FILE), JSON.stringify(credential));
  }
  // The first one sets the owner's password.
  const first = await open(0);
  const others = await allOf(addresses.slice(1).map((_, i) => open(i + 1)));
  const replicas = [first, ...others];
  const balancer = stack.use(
    await startBalancer({ host, certificate: both, ports: replicas.map(({ agent }) => agent.port), isSticky }),
  );
  const owner = { url: balancer.url, headers: first.agent.headers };

  const credentials: string[] = [];
  for (const id of ids) {
    credentials.push(JSON.stringify(await keys.issue({ role: 'box', id })));
  }
  const adopt = async (home: Home, i: number): Promise<FleetBox> => {
    const [id = '', name, credential = ''] = [ids[i], `home${i}`, credentials[i]];
    const box = await startFarBox(home, {
      env: { ...trusting, PERCH_BOXNAME: name, PERCH_NATSURL: natsURL },
      prepare: (dataDir) => {
        writeFileSync(join(dataDir, CREDENTIAL_FILE), credential, { mode: 0o600 });
        writeFileSync(join(dataDir, 'servers.json'), JSON.stringify({ box: id, servers: [], revoked: [] }));
      },
    });
    stack.use(box);
    const heard = join(folder, `${name}.alaw`);
    const camera = stack.use(await startGstCamera({ '/gate': VIDEO }, { backChannel: heard, namespace: home.box }));
    const given = { source: camera.url('/gate'), rtspTransport: 'tcp', record: 'yes' };
    await box.asOwner('POST', '/v3/config/paths/add/gate', given);
    const asked = { addresses: [balancer.address] };
    const { invitation } = await asOwner<{ readonly invitation: string }>(owner, 'POST', '/v3/away/invitations', asked);
    await box.asOwner('POST', '/v3/away/servers', { invitation, talk: true });
    return { id, name, home, box, heard };
  };
  const boxes = await allOf(homes.map(adopt));
  const kept = stack.move();
  return {
    ...{ balancer, boxes, replicas, nats, postgresql, keys, owner },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Waits for all also when one fails, so that what they have started is stopped. */
async function allOf<T>(starting: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(starting);
  return Promise.all(starting);
}

export async function startReplica(start: (isFirst: boolean) => Promise<Agent>): Promise<Replica & AsyncDisposable> {
  let agent = await start(true);
  return {
    get agent() {
      return agent;
    },
    kill: async () => void (await agent.process.stop('SIGKILL')),
    start: async () => {
      agent = await start(false);
    },
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  };
}

async function startCluster(
  count: number,
  keys: FleetAuthority,
  host: string,
  certificate: { readonly cert: string; readonly key: string },
): Promise<NatsServer[]> {
  const accounts = (store: string) => keys.serverConfig(store);
  if (count === 1) {
    return [await startNatsServer(accounts, { host, certificate })];
  }
  const ports = await freePorts(count);
  return Promise.all(
    ports.map((own, i) => {
      const cluster = { name: `nats${i}`, ports: [own, ...ports.filter((port) => port !== own)] };
      return startNatsServer(accounts, { host, certificate, cluster });
    }),
  );
}

/** Boxes and whether each replica has a connection of them. */
export async function linkedBoxes(agent: Pick<Agent, 'url' | 'headers'>): Promise<readonly string[]> {
  const path = '/v3/boxes/list?itemsPerPage=1000';
  const { items } = await asOwner<{ readonly items: readonly { readonly id: string; readonly state: string }[] }>(
    agent,
    'GET',
    path,
  );
  return items.filter(({ state }) => state === 'connected').map(({ id }) => id);
}
