import type { FunctionComponent } from 'preact';
import type { SystemFacts } from '../system/system-facts.ts';

/** What a feature shows on the page: a folder of `webui/features`, and a line in `webui/pages/features/table.ts`. */
export interface FeatureEntry {
  readonly name: string;
  readonly pages?: readonly FeaturePage[];
}

/** A page below a section of the settings. */
export interface FeaturePage {
  readonly section: 'storage' | 'system';
  /** Last part of its address. */
  readonly part: string;
  /** Its row on the page of the section. @param facts in the section `system` */
  row(facts?: SystemFacts): { readonly title: string; readonly text: string };
  readonly page: FunctionComponent;
}
