import { peopleWords } from '../../words/settings/people.ts';
import type { FeatureEntry } from '../contract.ts';
import { OnvifPage } from './onvif.tsx';
import { onvifWords } from './words.ts';

export const onvifDevice: FeatureEntry = {
  name: 'onvif-device',
  pages: [
    {
      section: 'system',
      part: 'onvif',
      row: () => ({ title: peopleWords.value.deviceOnvif, text: onvifWords.value.hint }),
      page: OnvifPage,
    },
  ],
};
