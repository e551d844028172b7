import { HostRequests } from '../../../system/host-requests.ts';
import type { Feature } from '../contract.ts';
import { CameraNetwork } from './camera-network.ts';
import { cameraNetworkRoutes } from './routes.ts';

export const cameraNetwork: Feature = {
  name: 'camera-network',
  open({ hostAnswers: answers, ...host }) {
    const place = { ...host, ...(answers !== undefined && { answers }) };
    const isTrusted = () => host.recordings.isClockTrusted;
    const network = new CameraNetwork({ ...place, host: new HostRequests(place), isTrusted });
    return {
      routes: [{ listener: 'main', right: 'admin', mount: async (app) => cameraNetworkRoutes(app, network) }],
    };
  },
};
