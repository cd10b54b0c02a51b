/**
Lines of a file that an instruction, a vertex or an error belongs to. Lines count from 1; `endLine` is included.
*/
export type SourceLocation = {
	readonly file: string;
	readonly startLine: number;
	readonly endLine: number;
};
