import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { FleetAuthority } from '../../../../agent/features/fleet/issue/authority.ts';
import { AGENT, type Agent, freeAgentPorts, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner, startBox } from '../../../peers/agent/paired-boxes.ts';
import { byLength, describeWith } from '../../../peers/programs/peers.ts';
import { startPostgresql } from '../../../peers/programs/postgresql.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { type Fleet, startFleet, storedEvents } from '../support/fleet.ts';
import { linkedBoxes } from '../support/replicas.ts';

const LIMIT = { timeout: 300_000 };

/** A fleet whose keys name its NATS server. They are read for each credential, because commands sign with them, too. */
async function openFleet(): Promise<Fleet> {
  const fleet = await startFleet();
  const file = join(fleet.folder, 'fleet-keys.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), natsURL: fleet.nats.url }));
  return { ...fleet, issue: async (role, id) => (await FleetAuthority.open(fleet.folder)).issue({ role, id }) };
}

/** Where a server without a database keeps what boxes have said. */
const SAID_FILE = 'fleet-box-keys.json';
/** Between two looks, if the file of the keys is unchanged or is missing, as with a database. */
const PROBE_MS = 15_000;
const PROBE_WITHOUT_FILE_MS = 5_000;

/** A server of the fleet, and its commands. */
async function openServer(fleet: Fleet, name: string, env: Record<string, string> = {}) {
  const { path: dataDir, [Symbol.dispose]: remove } = temporaryFolder();
  onTestFinished(remove);
  writeFileSync(join(dataDir, CREDENTIAL_FILE), JSON.stringify(await fleet.issue('server', name)), { mode: 0o600 });
  const tls = await freePort();
  const config = `perch: own\nserver: yes\nnatsURL: ${fleet.nats.url}\n`;
  const listen = () => ({ tlsAddress: `127.0.0.1:${tls}` });
  const agent = await startAgent({
    dataDir,
    ports: await freeAgentPorts(),
    listen,
    config,
    env,
    isOwned: name === 'one',
  });
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const perch = (...words: readonly string[]) =>
    runProcess('env', [...variables, process.execPath, ...AGENT, 'fleet', ...words]);
  const run = (...words: readonly string[]) => perch(...words, '--data', dataDir, join(dataDir, 'test.yml'));
  const [keys, bundle] = [join(dataDir, 'keys.json'), join(dataDir, 'bundle.json')];
  /** Calls `probe`, which runs commands, when the file of the boxes' keys has changed, and now and then. */
  const untilSaid = <T>(probe: () => Promise<T | undefined>): Promise<T> => {
    let [last, lastMs] = ['', Number.NEGATIVE_INFINITY];
    return until(() => {
      const file = join(dataDir, SAID_FILE);
      const isThere = existsSync(file);
      const said = isThere ? readFileSync(file, 'utf8') : '';
      if (said === last && performance.now() - lastMs < (isThere ? PROBE_MS : PROBE_WITHOUT_FILE_MS)) {
        return undefined;
      }
      [last, lastMs] = [said, performance.now()];
      return probe();
    });
  };
  /** Of boxes whose keys are collected. */
  const collected = async (count: number) =>
    untilSaid(async () => {
      await run('boxes', keys, '--all');
      const { boxes } = existsSync(keys) ? JSON.parse(readFileSync(keys, 'utf8')) : { boxes: [] };
      return boxes.length === count ? (boxes as { id: string; name: string; key: string }[]) : undefined;
    });
  const sign = async (folder = fleet.folder) => {
    const { code, output } = await perch('box', folder, '--keys', keys, bundle);
    expect(output).toContain(`perch fleet hand-out ${bundle}`);
    expect(code).toBe(0);
  };
  return {
    agent,
    run,
    perch,
    untilSaid,
    collected,
    sign,
    keys,
    bundle,
    handOut: async () => (await run('hand-out', bundle)).output,
  };
}

async function joinServer(server: Agent, box: Agent, terms: object = {}): Promise<void> {
  const { invitation } = await asOwner<{ readonly invitation: string }>(server, 'POST', '/v3/away/invitations', {});
  await asOwner(box, 'POST', '/v3/away/servers', { invitation, ...terms });
}

const idOf = async (box: Agent): Promise<string> =>
  JSON.parse(readFileSync(join(box.dataDir, 'servers.json'), 'utf8')).box;
const credentialOf = (box: Agent): string => readFileSync(join(box.dataDir, CREDENTIAL_FILE), 'utf8');
const pairingOf = async (box: Agent): Promise<string | undefined> =>
  (await asOwner<{ items: { id: string }[] }>(box, 'GET', '/v3/pairedservers/list')).items[0]?.id;
const setRight = async (box: Agent, fleet: boolean): Promise<void> => {
  await asOwner(box, 'PATCH', `/v3/pairedservers/${await pairingOf(box)}`, { fleet });
};
const isOnBus = async (box: Agent): Promise<boolean> =>
  (await (await fetch(`${box.url}/metrics`, { headers: box.headers })).text()).includes('fleet_connected 1');

describeWith(['nats-server'], 'credentials of a fleet that a server hands out', () => {
  test('boxes paired by invitation join over their link, and keep what they have of what is wrong', LIMIT, async () => {
    await using fleet = await openFleet();
    const server = await openServer(fleet, 'one');
    await using one = server.agent;
    await using yard = await startBox(['gate'], []);
    await using barn = await startBox(['gate'], []);
    await using shut = await startBox(['gate'], []);
    await joinServer(one, yard);
    await joinServer(one, barn);
    // Its owner shows one camera, and grants no more.
    await joinServer(one, shut, { cameras: ['gate'] });
    await until(async () => ((await linkedBoxes(one)).length === 3 ? true : undefined));
    const [yardId, barnId, shutId] = await Promise.all([yard, barn, shut].map(idOf));
    const keys = await server.collected(2);
    expect(keys.map(({ id }) => id).sort()).toEqual([yardId, barnId].sort());
    // A seed has 58 characters, a public key 56.
    expect(JSON.stringify(keys)).not.toMatch(/SU[A-Z2-7]{56}/);
    await server.sign();
    const said = await server.handOut();
    for (const id of [yardId, barnId]) {
      expect(said).toMatch(new RegExp(`${id} .*: joined\n`));
    }
    // Both have joined.
    expect((await server.run('boxes', join(yard.dataDir, 'none.json'))).output).toContain('--all');
    const client = await fleet.connect(await fleet.issue('server', 'reader'));
    const publishes = async (box: Agent, id: string | undefined, event: string) => {
      await asOwner(box, 'POST', '/v3/events', { path: 'gate', type: 'motion', id: event });
      await until(
        async () =>
          (await storedEvents(client)).some((one) => one.id === event && one.subject.includes(`${id}`)) || undefined,
      );
    };
    await publishes(yard, yardId, 'yard-1');
    await publishes(barn, barnId, 'barn-1');

    // The keys of the next credentials, signed by strangers.
    await server.untilSaid(
      async () => (await server.collected(2)).every(({ key }) => !keys.some((k) => k.key === key)) || undefined,
    );
    const before = credentialOf(yard);
    const { path: strange, [Symbol.dispose]: remove } = temporaryFolder();
    onTestFinished(remove);
    await FleetAuthority.create(strange, { natsURL: fleet.nats.url, hosts: [] });
    await server.sign(strange);
    expect(await server.handOut()).toMatch(
      new RegExp(`${yardId} .*refused: .*this box belongs to the fleet of account A`),
    );
    // For keys that the boxes have not made.
    const others = keys.map(({ id, name }, i) => ({ id, name, key: keys[1 - i]?.key }));
    const owned = readFileSync(server.keys, 'utf8');
    writeFileSync(server.keys, JSON.stringify({ format: 'perch-fleet-keys', boxes: others }));
    const mixed = await runProcess(process.execPath, [
      ...AGENT,
      'fleet',
      'box',
      fleet.folder,
      '--keys',
      server.keys,
      server.bundle,
    ]);
    expect(mixed.output).toContain('not signed: its key is that of box.');
    writeFileSync(server.keys, owned);
    await server.sign();
    const text = readFileSync(server.bundle, 'utf8');
    writeFileSync(server.bundle, text.replace('tls://', 'tls://evil.'));
    expect(await server.handOut()).toContain('the bundle is damaged');
    expect(credentialOf(yard)).toBe(before);
    await publishes(yard, yardId, 'yard-2');

    // Without the right a box waits; what it is given meanwhile it gets later.
    writeFileSync(server.bundle, text);
    // The other box has its address from the credential, this one from its configuration.
    await asOwner(barn, 'PATCH', '/v3/config/global/patch', { natsURL: fleet.nats.url });
    await setRight(barn, false);
    // It leaves the bus, and its events stay with it.
    await until(async () => !(await isOnBus(barn)) || undefined);
    const later = await server.handOut();
    expect(later).toMatch(new RegExp(`${yardId} .*: joined`));
    expect(later).toMatch(new RegExp(`${barnId} .*: waiting`));
    expect(credentialOf(yard)).not.toBe(before);
    await setRight(barn, true);
    await server.untilSaid(
      async () => new RegExp(`${barnId} .*: joined`).test((await server.run('boxes')).output) || undefined,
    );
    await publishes(yard, yardId, 'yard-3');
    // With its pairing a box leaves the bus, and with another one it is back without another signature.
    const kept = JSON.parse(credentialOf(yard)).jwt;
    await asOwner(yard, 'DELETE', `/v3/pairedservers/${await pairingOf(yard)}`);
    await until(async () => !(await isOnBus(yard)) || undefined);
    await joinServer(one, yard);
    await until(async () => (await isOnBus(yard)) || undefined);
    expect(JSON.parse(credentialOf(yard)).jwt).toBe(kept);
    await publishes(yard, yardId, 'yard-4');
    expect(existsSync(join(shut.dataDir, CREDENTIAL_FILE))).toBe(false);
    const listed = (await server.run('boxes')).output;
    expect(listed).toMatch(new RegExp(`${shutId} .*: connected, does not grant the right fleet`));
  });

  test(
    'a box whose credential is revoked is listed so, and one whose next key is revoked makes another',
    LIMIT,
    async () => {
      await using fleet = await openFleet();
      const server = await openServer(fleet, 'one');
      await using one = server.agent;
      await using box = await startBox(['gate'], []);
      await joinServer(one, box);
      const id = await idOf(box);
      await server.collected(1);
      // Signed, and revoked before it is handed out.
      await server.sign();
      const revoke = () => runProcess(process.execPath, [...AGENT, 'fleet', 'revoke', fleet.folder, id]);
      expect((await revoke()).output).toContain('are revoked');
      const again = await server.perch('box', fleet.folder, '--keys', server.keys, server.bundle);
      expect([again.code, again.output]).toEqual([1, expect.stringContaining('not signed: its key is revoked')]);
      const handed = await server.run('hand-out', server.bundle);
      expect([handed.code, handed.output]).toEqual([1, expect.stringContaining('refused: ')]);
      expect(existsSync(join(box.dataDir, CREDENTIAL_FILE))).toBe(false);
      await server.untilSaid(async () => {
        await server.collected(1);
        return (await server.perch('box', fleet.folder, '--keys', server.keys, server.bundle)).code === 0 || undefined;
      });
      expect((await server.run('hand-out', server.bundle)).code).toBe(0);
      await revoke();
      await server.untilSaid(
        async () => (await server.run('boxes')).output.includes(`: not on the bus: `) || undefined,
      );
      const { items } = await asOwner<{ items: { kind: string; name: string; text: string }[] }>(
        one,
        'GET',
        '/v3/problems/list',
      );
      expect(items).toContainEqual(
        expect.objectContaining({ kind: 'fleet', name: id, text: expect.stringContaining('it may be revoked') }),
      );
      // A removed box is forgotten.
      await asOwner(one, 'DELETE', `/v3/boxes/${id}`);
      await server.untilSaid(async () => !(await server.run('boxes')).output.includes(id) || undefined);
      expect((await server.run('hand-out', server.bundle)).output).toContain(`this Perch has no box ${id}`);
    },
  );

  test(
    'a box that is killed while it is given a credential has the old or the new one, and gets it when it is back',
    LIMIT,
    async () => {
      await using fleet = await openFleet();
      const server = await openServer(fleet, 'one');
      await using one = server.agent;
      const { path: dataDir, [Symbol.dispose]: remove } = temporaryFolder();
      onTestFinished(remove);
      const options = { dataDir, ports: await freeAgentPorts(), config: 'perch: own\npaths:\n  gate: {}\n' };
      let box = await startAgent({ ...options, isOwned: true });
      await joinServer(one, box);
      await server.collected(1);
      await server.sign();
      expect(await server.handOut()).toContain(': joined');
      const jwtOf = () => JSON.parse(readFileSync(join(dataDir, CREDENTIAL_FILE), 'utf8')).jwt as string;
      let former = jwtOf();
      for (let round = 0; round < byLength(1, 5); round += 1) {
        await server.untilSaid(async () => {
          await server.collected(1);
          await server.sign();
          return !readFileSync(server.bundle, 'utf8').includes(former) || undefined;
        });
        const [given] = Object.values(JSON.parse(readFileSync(server.bundle, 'utf8')).boxes as Record<string, string>);
        const handing = server.handOut();
        // At its draft, at the file, or a moment after.
        await until(() => existsSync(join(dataDir, `${CREDENTIAL_FILE}.new`)) || jwtOf() !== former || undefined);
        await box.process.stop('SIGKILL');
        expect([former, given]).toContain(jwtOf());
        box = await startAgent(options);
        await handing;
        await server.untilSaid(async () => (await server.run('boxes')).output.includes(': joined') || undefined);
        await until(() => jwtOf() === given || undefined);
        former = jwtOf();
      }
      await box[Symbol.asyncDispose]();
    },
  );
});

describeWith(['nats-server', 'postgresql'], 'credentials that any server of a fleet hands out', () => {
  test('a bundle that one server has been given reaches a box that is connected to the other', LIMIT, async () => {
    await using fleet = await openFleet();
    await using postgresql = await startPostgresql();
    const env = { PERCH_DATABASEURL: (await postgresql.database()).url };
    const first = await openServer(fleet, 'one', env);
    await using one = first.agent;
    const second = await openServer(fleet, 'two', env);
    await using _ = second.agent;
    await using box = await startBox(['gate'], []);
    await joinServer(one, box);
    await second.collected(1);
    await second.sign();
    expect(await second.handOut()).toContain(': joined');
  });
});
