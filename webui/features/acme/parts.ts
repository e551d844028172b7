import { featureLink } from '../../shell/route.ts';
import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import { loadSettingsWords } from '../../words/words.ts';
import type { FeatureParts, ServerLinkProps } from '../contract.ts';

export const acmeParts: FeatureParts = {
  serverLink: lazyPart<ServerLinkProps>(async () => {
    const [part] = await Promise.all([import('./server-link.tsx'), loadSettingsWords()]);
    return part.ServerLink;
  }),
  serverPage: featureLink('system', 'server'),
};
