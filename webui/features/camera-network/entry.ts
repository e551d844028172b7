import type { FeatureEntry } from '../contract.ts';
import { CameraNetworkPage } from './camera-network.tsx';
import { cameraNetworkWords } from './words.ts';

export const cameraNetwork: FeatureEntry = {
  name: 'camera-network',
  pages: [
    {
      section: 'system',
      part: 'camera-network',
      row: () => ({ title: cameraNetworkWords.value.title, text: cameraNetworkWords.value.row }),
      page: CameraNetworkPage,
    },
  ],
};
