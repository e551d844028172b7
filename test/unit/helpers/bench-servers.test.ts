import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startScript } from '../../bench/measure/script.ts';

test('the control API of the bench answers the list of its paths', async () => {
  const server = startScript(join(import.meta.dirname, '../../bench/api/api-server.ts'), ['2']);
  try {
    const [, port] = await server.waitFor(/ready (\d+)/);
    const answer = await fetch(`http://127.0.0.1:${port}/v3/paths/list`);
    expect(await answer.json()).toMatchObject({ itemCount: 2, items: [{ name: 'cam0' }, { name: 'cam1' }] });
  } finally {
    await server.stop('SIGKILL');
  }
});
