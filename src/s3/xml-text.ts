const entities: Readonly<Record<string, string>> = {
	amp: '&', apos: '\'', gt: '>', lt: '<', quot: '"',
};

/** What an element has that holds nothing but text; empty if there is none. The answers of S3 have no attributes, comments or CDATA in these. */
export function textOf(xml: string, element: 'Code' | 'ETag' | 'Message' | 'UploadId'): string {
	const {text = ''} = new RegExp(`<${element}>(?<text>[^<]*)</${element}>`, 'v').exec(xml)?.groups ?? {};
	return text.replaceAll(/&(?<name>amp|apos|gt|lt|quot);/gv, (_, name: string) => entities[name]!);
}

/** Writes text so that it means itself between two tags. */
export function escapeXml(text: string): string {
	return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
