// Whether standard input is a valid OpenAPI document: validate.mjs, by its published schema.
import {Validator} from '@seriousme/openapi-schema-validator';
import {readFileSync} from 'node:fs';

const validator = new Validator();
const result = await validator.validate(JSON.parse(readFileSync(0, 'utf8')));
const described = Object.keys(validator.specification?.paths ?? {}).length;
console.log(result.valid ? `ok   valid OpenAPI ${validator.version}, ${described} paths`
                         : 'FAIL ' + JSON.stringify(result.errors, null, 2));
process.exitCode = result.valid && described > 0 ? 0 : 1;
