import type { FeatureEntry } from '../contract.ts';
import { CalledServersPage } from './called-servers.tsx';
import { CallingBoxesPage } from './calling-boxes.tsx';
import { awayWords } from './words.ts';

export const away: FeatureEntry = {
  name: 'away',
  pages: [
    {
      section: 'cameras',
      part: 'away',
      row: () => ({ icon: 'network', title: awayWords.value.callingBoxes, text: awayWords.value.callingBoxesText }),
      page: CallingBoxesPage,
    },
    {
      section: 'people',
      part: 'away',
      row: () => ({ icon: 'network', title: awayWords.value.callServer, text: awayWords.value.callServerText }),
      page: CalledServersPage,
    },
  ],
};
