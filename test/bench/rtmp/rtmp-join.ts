import { startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import { barClip } from '../../peers/cameras/bar-clip.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { joinFigure, measureJoins } from '../webrtc/webrtc-join.ts';
import { LONG_GROUPS } from '../webrtc/webrtc-server.ts';

/** Viewers of a publisher that has no way to be asked for a key frame. */
export const rtmpJoin = joinFigure(
  'rtmp-join',
  async (note) => {
    const clip = await barClip(LONG_GROUPS);
    await using agent = await startAgent({ config: 'api: yes\npaths: { all_others: }\n' });
    const input = ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', clip, '-c', 'copy'];
    const url = `rtmp://127.0.0.1:${agent.ports.rtmp}/cam`;
    const publisher = startProcess('ffmpeg', [...input, '-f', 'flv', url]);
    try {
      await agent.process.waitFor(/is publishing to path/);
      const startMs = performance.now();
      await using viewer = await startViewer();
      await until(async () => {
        const { ready } = await agent.json<{ ready: boolean }>('/v3/paths/get/cam').catch(() => ({ ready: false }));
        return ready || undefined;
      });
      const phase = () => ((performance.now() - startMs) / 1000) % LONG_GROUPS.groupSeconds;
      const whepUrl = `http://127.0.0.1:${agent.ports.webrtc}/cam/whep`;
      return await measureJoins({ phase, whepUrl, openPage: () => viewer.open(`${agent.url}/health`) }, note);
    } finally {
      await publisher.stop('SIGKILL');
    }
  },
  ', of a stream that ffmpeg publishes over RTMP',
);
