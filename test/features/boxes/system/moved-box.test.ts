import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { AGENT, ownerOf, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner, inviteServer } from '../../../peers/agent/paired-boxes.ts';
import { type Machine, openSharedNetwork } from '../../../peers/host/shared-network.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../../peers/programs/process.ts';

const PORT = 8080;

/** A box on one machine of the network. */
async function startBox(machine: Machine, dataDir: string, tlsPort: number) {
  const env = { PERCH_ADDRESS: `:${PORT}`, PERCH_TLSADDRESS: `:${tlsPort}` };
  const args = ['netns', 'exec', machine.name, process.execPath, ...AGENT, '--data', dataDir];
  const running = startProcess('ip', args, env);
  await running.waitFor(/Also in this network/);
  return {
    async [Symbol.asyncDispose]() {
      await running.stop('SIGINT');
    },
  };
}

describeWith(['namespaces'], 'a box that moves', () => {
  // The server looks for it after a minute.
  test('a box with another address and another port is found by mDNS', async () => {
    await using network = await openSharedNetwork();
    const [machine] = network.machines;
    const folder = mkdtempSync(join(tmpdir(), 'perch-moved-'));
    await using _ = { [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }) };
    await using server = await startAgent({ isOwned: true, listen: () => ({ mdns: 'yes' }) });
    const itsState = async () =>
      (await asOwner<{ readonly items: readonly BoxAnswer[] }>(server, 'GET', '/v3/boxes/list')).items[0];
    {
      await using _box = await startBox(machine, folder, 9443);
      const url = `http://${machine.ip}:${PORT}`;
      const invitation = await inviteServer({ url, headers: await ownerOf(url, folder) });
      await asOwner(server, 'POST', '/v3/boxes', { invitation });
      await until(async () => ((await itsState())?.state === 'connected' ? true : undefined));
    }
    const moved = machine.ip.replace(/\d+$/, '77');
    for (const [verb, ip] of [
      ['del', machine.ip],
      ['add', moved],
    ] as const) {
      const args = ['-n', machine.name, 'addr', verb, `${ip}/24`, 'dev', 'eth0'];
      expect(await runProcess('ip', args)).toMatchObject({ code: 0 });
    }
    const route = ['-n', machine.name, 'route', 'add', 'default', 'via', network.hostIp];
    expect(await runProcess('ip', route)).toMatchObject({ code: 0 });
    await until(async () => ((await itsState())?.state === 'away' ? true : undefined));
    await using _box = await startBox(machine, folder, 9444);
    const found = await until(async () => {
      const box = await itsState();
      return box?.state === 'connected' ? box : undefined;
    });
    expect(found.addresses[0]).toBe(`${moved}:9444`);
  });
});
