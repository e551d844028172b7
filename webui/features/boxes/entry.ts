import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import { copyingWords } from '../../words/settings/copying.ts';
import type { FeatureEntry } from '../contract.ts';
import { BoxesPage } from './boxes-page.tsx';
import { FetchPage } from './fetch.tsx';
import { PairedServersPage } from './paired-servers.tsx';
import { boxesWords } from './words.ts';

const loadSettings = () => import('./box-settings.tsx');

export const boxes: FeatureEntry = {
  name: 'boxes',
  cameraRows: [
    {
      row: lazyPart(() => loadSettings().then((sheet) => sheet.BoxSettingsRow)),
      sheet: lazyPart(() => loadSettings().then((sheet) => sheet.BoxSettingsSheet)),
    },
  ],
  pages: [
    {
      section: 'cameras',
      part: 'boxes',
      row: () => ({ icon: 'network', title: boxesWords.value.otherBoxes, text: boxesWords.value.otherBoxesText }),
      page: BoxesPage,
    },
    {
      section: 'storage',
      part: 'fetch',
      row: () => ({ title: copyingWords.value.importFromBox, text: boxesWords.value.importFromBoxRow }),
      page: FetchPage,
    },
    {
      section: 'people',
      part: 'paired',
      row: () => ({ icon: 'network', title: boxesWords.value.pairedServers, text: boxesWords.value.pairedServersText }),
      page: PairedServersPage,
    },
  ],
};
