import { expect, test } from 'vitest';
import { ownProcesses, setup } from '../../peers/host/left-networks.ts';
import { openNamespace } from '../../peers/host/namespace.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';

const namespaces = async (): Promise<string> => (await runProcess('ip', ['netns', 'list'])).output;

describeWith(['namespaces'], 'networks of tests that were killed', () => {
  test('are removed with their programs; those of running tests stay', async () => {
    const killed = startProcess('sleep', ['1000']);
    const name = `perch-${killed.pid}-1`;
    await using own = await openNamespace();
    await runProcess('ip', ['netns', 'add', name]);
    const inside = startProcess('ip', ['netns', 'exec', name, 'sleep', '1000']);
    await expect.poll(async () => (await runProcess('ip', ['netns', 'pids', name])).output).not.toBe('');
    const [bridge, foreign] = [`ps${killed.pid}x1`, `ps${killed.pid}x2`];
    await runProcess('ip', ['link', 'add', bridge, 'type', 'bridge']);
    await runProcess('ip', ['link', 'set', bridge, 'alias', ownProcesses()]);
    await runProcess('ip', ['link', 'add', foreign, 'type', 'bridge']);
    await killed.stop('SIGKILL');
    await setup();
    const bridges = (await runProcess('ip', ['-br', 'link', 'show', 'type', 'bridge'])).output;
    await runProcess('ip', ['link', 'del', foreign]);
    expect([bridges.includes(bridge), bridges.includes(foreign)]).toEqual([false, true]);
    expect(await inside.exited).toBe(null);
    expect(await namespaces()).not.toMatch(new RegExp(`^${name}\\b`, 'm'));
    expect(await namespaces()).toMatch(new RegExp(`^${own.name}\\b`, 'm'));
  });
});
