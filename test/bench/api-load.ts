import { Agent, get } from 'node:http';

/* Asks the same again and again over kept connections: `node api-load.ts URL CONNECTIONS SECONDS` prints how many answers came each second. */
const [url = '', connections = '', seconds = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
let answers = 0;

const once = () =>
  new Promise<void>((resolve, reject) => {
    get(url, { agent }, (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`${response.statusCode}`));
        return;
      }
      response.on('error', reject).on('end', resolve).resume();
    }).on('error', reject);
  });

async function keepAsking(untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    await once();
    answers += 1;
  }
}

const startMs = performance.now();
const untilMs = startMs + Number(seconds) * 1000;
await Promise.all(Array.from({ length: Number(connections) }, () => keepAsking(untilMs)));
console.log(`answers ${((1000 * answers) / (performance.now() - startMs)).toFixed(1)}`);
agent.destroy();
