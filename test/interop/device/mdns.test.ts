import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AGENT, until } from '../../peers/agent/agent.ts';
import { pagesBecome, startAvahi } from '../../peers/host/avahi.ts';
import { type Machine, openSharedNetwork } from '../../peers/host/shared-network.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';

/** A box on one machine of the network, with the page on port 80. */
async function startBox(machine: Machine) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-mdns-'));
  const file = join(folder, 'perch.yml');
  writeFileSync(file, "address: ':80'\npaths: {}\n");
  const args = ['netns', 'exec', machine.name, process.execPath, ...AGENT, '--data', folder, file];
  const running = startProcess('ip', args);
  return {
    /** Its announced name. */
    named: async (name: string) => {
      await running.waitFor(new RegExp(`Also in this network: http://${name.replaceAll('.', '\\.')}/\n`));
    },
    saysThatItIsAt: (address: string) => running.waitFor(new RegExp(`Perch is at http://${address}:80/`)),
    output: running.output,
    async [Symbol.asyncDispose]() {
      await running.stop('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const ip = async (...args: readonly string[]) => {
  const { code, output } = await runProcess('ip', args);
  expect({ code, output }).toMatchObject({ code: 0 });
};

describeWith(['namespaces', 'avahi'], 'the name of the box in the local network', () => {
  test('Avahi finds two boxes by name and as pages, each continues without the other, and a new address is known at once', async () => {
    await using network = await openSharedNetwork();
    const [one, two] = network.machines;
    await using avahi = await startAvahi(two.name, 'observer');
    await using stack = new AsyncDisposableStack();
    const second = await (async () => {
      await using first = await startBox(one);
      await first.named('perch.local');
      await pagesBecome(avahi, [`Perch perch.local ${one.ip} 80`]);
      expect(await avahi.resolve('perch.local')).toBe(one.ip);

      // Next to Avahi, on its own machine and port.
      const box = stack.use(await startBox(two));
      await box.named('perch-2.local');
      await pagesBecome(avahi, [`Perch perch.local ${one.ip} 80`, `Perch (2) perch-2.local ${two.ip} 80`]);
      return box;
    })();
    // The first one has sent its goodbye.
    await pagesBecome(avahi, [`Perch (2) perch-2.local ${two.ip} 80`]);
    expect(await avahi.resolve('perch-2.local')).toBe(two.ip);

    const moved = two.ip.replace(/\d+$/, '77');
    await ip('-n', two.name, 'addr', 'del', `${two.ip}/24`, 'dev', 'eth0');
    await ip('-n', two.name, 'addr', 'add', `${moved}/24`, 'dev', 'eth0');
    await pagesBecome(avahi, [`Perch (2) perch-2.local ${moved} 80`]);
    await second.saysThatItIsAt(moved);
    expect(second.output().match(/in this network/g)).toHaveLength(1);
  });

  test('next to an Avahi of the same machine with the same name both give the same answer, and each continues without the other', async () => {
    await using network = await openSharedNetwork();
    const [one, two] = network.machines;
    await using observer = await startAvahi(two.name, 'observer');
    {
      await using own = await startAvahi(one.name, 'perch');
      await using box = await startBox(one);
      await box.named('perch.local');
      await pagesBecome(observer, [`Perch perch.local ${one.ip} 80`]);
      expect(await observer.resolve('perch.local')).toBe(one.ip);
      expect(own.output()).not.toMatch(/conflict|perch-2/i);
      await own[Symbol.asyncDispose]();
      // The box notices that the other has left.
      await until(async () => ((await observer.resolve('perch.local')) === one.ip ? true : undefined));
      await pagesBecome(observer, [`Perch perch.local ${one.ip} 80`]);

      // A later one keeps its own name, too.
      await using late = await startAvahi(one.name, 'perch');
      expect(late.output()).toContain('Host name is perch.local');
      await box[Symbol.asyncDispose]();
      await pagesBecome(observer, []);
      expect(await observer.resolve('perch.local')).toBe(one.ip);
    }
  });
});
