import { Agent, get } from 'node:http';

/*
 * Asks for each address in turn, over kept connections, for a quarter of a second at a time, so that whatever else the machine does
 * meets both: `node api-load.ts URL URL CONNECTIONS ROUNDS` prints the answers per second of each.
 */
const [first = '', second = '', connections = '', rounds = ''] = process.argv.slice(2);
const WINDOW_MS = 250;
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });

const once = (url: string) =>
  new Promise<void>((resolve, reject) => {
    get(url, { agent }, (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`${response.statusCode}`));
        return;
      }
      response.on('error', reject).on('end', resolve).resume();
    }).on('error', reject);
  });

/** @returns answers and how long they took */
async function ask(url: string): Promise<readonly [answers: number, ms: number]> {
  let answers = 0;
  const startMs = performance.now();
  const keepAsking = async (): Promise<void> => {
    while (performance.now() - startMs < WINDOW_MS) {
      await once(url);
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: Number(connections) }, keepAsking));
  return [answers, performance.now() - startMs];
}

const totals = [first, second].map((url) => ({ url, answers: 0, ms: 0 }));
for (const { url } of totals) {
  await ask(url);
}
for (let round = 0; round < Number(rounds); round += 1) {
  for (const total of totals) {
    const [answers, ms] = await ask(total.url);
    total.answers += answers;
    total.ms += ms;
  }
}
console.log(`answers ${totals.map(({ answers, ms }) => ((1000 * answers) / ms).toFixed(1)).join(' ')}`);
agent.destroy();
