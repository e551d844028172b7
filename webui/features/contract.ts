import type { FunctionComponent } from 'preact';

/** What a feature shows on the page: a folder of `webui/features`, and a line in `webui/pages/features/table.ts`. */
export interface FeatureEntry {
  readonly name: string;
  readonly pages?: readonly FeaturePage[];
}

/** A page below a section of the settings. */
export interface FeaturePage {
  readonly section: 'system';
  /** Last part of its address. */
  readonly part: string;
  /** Its row on the page of the section. */
  row(): { readonly title: string; readonly text: string };
  readonly page: FunctionComponent;
}
