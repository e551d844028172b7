import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { type DemoCamera, startDemoCamera } from '../../../agent/demo-camera/demo-camera.ts';
import { freeUdpPort } from '../../support/base/free-udp-port.ts';
import { type Agent, type AgentOptions, startAgent } from './agent.ts';

/** The demo camera in this process, without an agent. */
export const startDemo = async (): Promise<DemoCamera> =>
  startDemoCamera({ clock: systemClock, log: silentLogger, discoveryPort: await freeUdpPort() });

/** An agent that records the demo camera and serves it to this machine without a login: Perch's own setup needs an owner. */
export async function startDemoAgent(options: Omit<AgentOptions, 'config'> = {}): Promise<Agent> {
  const camera = await startDemo();
  const source = (profile: 'main' | 'sub') => `    source: ${camera.rtspUrl(profile)}\n`;
  const paths = `paths:\n  demo:\n${source('main')}    record: yes\n  demo_sub:\n${source('sub')}`;
  const agent = await startAgent({ ...options, config: `api: yes\nplayback: yes\n${paths}` });
  return {
    ...agent,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await camera.close();
    },
  };
}
