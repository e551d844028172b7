import { featureLink } from '../../shell/route.ts';
import { boxesWords } from './words.ts';

/** Paired, another Perch gives its cameras with their recordings and events. */
export const PairingLink = () => (
  <a class="button" href={featureLink('cameras', 'boxes')}>
    {boxesWords.value.pairIt}
  </a>
);
