// Of docker's tables: https://github.com/docker/cli/blob/master/cli/command/formatter/formatter.go
const minimumWidth = 10;
const defaultPadding = 3;

// Of buildx's lists: https://github.com/docker/buildx/blob/master/commands/prune.go
const tabWidth = 8;

/** A table as docker prints it: columns as wide as their widest cell, parted by spaces. The last column is not padded. */
export function formatTable(rows: ReadonlyArray<readonly string[]>): string {
	return alignRows(rows, columnWidths(rows).map(width => Math.max(minimumWidth, width + defaultPadding)));
}

/** A table whose columns are as wide as their widest cell and `padding` more, as Go's tabwriter makes it. The last column is not padded. */
export function formatAlignedTable(rows: ReadonlyArray<readonly string[]>, padding: number): string {
	return alignRows(rows, columnWidths(rows).map(width => width + padding));
}

/** A table whose columns are parted by as many tabs as align them, as Go's tabwriter does it. */
export function formatTabbedTable(rows: ReadonlyArray<readonly string[]>): string {
	const stops = columnWidths(rows).map(width => Math.ceil((width + 1) / tabWidth));
	const padCell = (cell: string, column: number) => cell + '\t'.repeat(stops[column]! - Math.floor(cell.length / tabWidth));
	return rows.map(row => `${row.map((cell, column) => (column === row.length - 1 ? cell : padCell(cell, column))).join('')}\n`).join('');
}

function alignRows(rows: ReadonlyArray<readonly string[]>, widths: readonly number[]): string {
	return rows.map(row => `${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('')}\n`).join('');
}

function columnWidths(rows: ReadonlyArray<readonly string[]>): readonly number[] {
	const columns = Math.max(0, ...rows.map(row => row.length));
	return Array.from({length: columns}, (_, column) => Math.max(0, ...rows.map(row => row[column]?.length ?? 0)));
}
