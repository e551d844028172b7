/** Texts of `webui/features` by name; the build fills it. */
export const zhCnFeatures: Readonly<Record<string, object>> = {};
