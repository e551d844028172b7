import { OWNER_PASSWORD } from '../page-box.ts';
import { setupCodeOf } from '../setup-code.ts';
import { type Agent, type AgentOptions, mediaEverywhere, startAgent } from './agent.ts';

/** The page, and the pictures that it plays, by every address of this machine. */
export const pageEverywhere = (ports: Agent['ports']): Readonly<Record<string, string>> => ({
  address: `:${ports.main}`,
  tlsAddress: '',
  ...mediaEverywhere(ports),
});

/** An agent that has its owner, so that its page shows pictures by any address. */
export async function startOwnedAgent(options: AgentOptions = {}): Promise<Agent> {
  // A file for MediaMTX is claimed on the machine itself.
  const config = options.config === undefined ? {} : { config: `perch: own\n${options.config}` };
  const agent = await startAgent({ ...options, ...config, listen: pageEverywhere });
  const answer = await fetch(`${agent.url}/v3/claim`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ password: OWNER_PASSWORD, setupCode: setupCodeOf(agent) }),
  });
  if (!answer.ok) {
    throw new Error(`it took no owner: ${answer.status} ${await answer.text()}`);
  }
  return agent;
}
