import { expect, test } from 'vitest';
import { setup } from '../../peers/host/left-networks.ts';
import { openNamespace } from '../../peers/host/namespace.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';

const namespaces = async (): Promise<string> => (await runProcess('ip', ['netns', 'list'])).output;

describeWith(['namespaces'], 'networks of tests that were killed', () => {
  test('are removed with their programs; those of running tests stay', async () => {
    const killed = startProcess('true', []);
    await killed.exited;
    const name = `perch-${killed.pid}-1`;
    await using own = await openNamespace();
    await runProcess('ip', ['netns', 'add', name]);
    const inside = startProcess('ip', ['netns', 'exec', name, 'sleep', '1000']);
    await expect.poll(async () => (await runProcess('ip', ['netns', 'pids', name])).output).not.toBe('');
    await setup();
    expect(await inside.exited).toBe(null);
    expect(await namespaces()).not.toMatch(new RegExp(`^${name}\\b`, 'm'));
    expect(await namespaces()).toMatch(new RegExp(`^${own.name}\\b`, 'm'));
  });
});
