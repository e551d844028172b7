import { join } from 'node:path';
import type { Figure } from '../measure/figure.ts';
import { startScript } from '../measure/script.ts';

const PATHS = 200;
const ROUNDS = 5;
const CONNECTIONS = 8;
/** Answers per second in quarters of a second, for each of the two. */
const WINDOWS = 6;

export const apiRps: Figure = {
  name: 'api-rps',
  unit: '',
  goal: 0.4,
  isAtLeast: true,
  isAbsolute: false,
  about:
    'requests per second of /v3/paths/list with 200 paths ÷ those of a Fastify route that returns the same bytes from memory',
  measure: async (note) => {
    const server = startScript(join(import.meta.dirname, 'api-server.ts'), [String(PATHS)]);
    try {
      const [, api, memory, bytes] = await server.waitFor(/ready (\d+) (\d+) (\d+)/);
      const list = `http://localhost:${api}/v3/paths/list?itemsPerPage=${PATHS}`;
      const reference = `http://localhost:${memory}/memory`;
      const ratios: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const [listed, remembered] = await answersPerSecond(list, reference);
        note(`${bytes} bytes: list ${listed.toFixed(0)}/s, memory ${remembered.toFixed(0)}/s`);
        ratios.push(listed / remembered);
      }
      return ratios;
    } finally {
      await server.stop('SIGKILL');
    }
  },
};

/** The load generator is a separate process. */
async function answersPerSecond(list: string, reference: string): Promise<readonly [list: number, reference: number]> {
  const load = startScript(join(import.meta.dirname, 'api-load.ts'), [
    list,
    reference,
    String(CONNECTIONS),
    String(WINDOWS),
  ]);
  try {
    const [, listed, remembered] = await load.waitFor(/answers ([\d.]+) ([\d.]+)/);
    return [Number(listed), Number(remembered)];
  } finally {
    await load.stop('SIGKILL');
  }
}
