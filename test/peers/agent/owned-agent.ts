import { type Agent, type AgentOptions, mediaEverywhere, startAgent } from './agent.ts';

/** The page, and the pictures that it plays, by every address of this machine. */
export const pageEverywhere = (ports: Agent['ports']): Readonly<Record<string, string>> => ({
  address: `:${ports.main}`,
  tlsAddress: '',
  ...mediaEverywhere(ports),
});

/** An agent that has its owner, so that its page shows pictures by any address. */
export function startOwnedAgent(options: AgentOptions = {}): Promise<Agent> {
  return startAgent({ ...options, isOwned: true, listen: pageEverywhere });
}
