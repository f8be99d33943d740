// A quote server on Node: signs with 1inch's own order SDK and ethers at a fixed price; no risk, no journal.
import { createServer } from 'node:http'
import { randomBytes } from 'node:crypto'
import { Address, LimitOrder, MakerTraits } from '@1inch/limit-order-sdk'
import { Wallet } from 'ethers'

const PRICE_USD = 2500n
const wallet = Wallet.createRandom()
const maker = new Address(wallet.address)
let nonce = 0n

async function answer(body) {
    const given = BigInt(body.amount ?? body.quoteAmount)
    const other = given > 10n ** 12n ? (given * PRICE_USD) / 10n ** 12n : (given * 10n ** 12n) / PRICE_USD
    const [taking, making] = body.amount === undefined ? [other, given] : [given, other]
    const expiration = BigInt(Math.floor(Date.now() / 1000) + 30)
    const traits = MakerTraits.default().withExpiration(expiration).withNonce(nonce++).allowPartialFills()
        .disableMultipleFills()
    const order = new LimitOrder({
        makerAsset: new Address(body.quoteToken),
        takerAsset: new Address(body.baseToken),
        makingAmount: making,
        takingAmount: taking,
        maker,
        salt: BigInt('0x' + randomBytes(8).toString('hex')) << 160n,
    }, traits)
    const typed = order.getTypedData(1)
    const signature = await wallet.signTypedData(typed.domain, { Order: typed.types.Order }, typed.message)
    return { order: order.build(), signature }
}

createServer((request, response) => {
    const chunks = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', async () => {
        const [status, body] = await answer(JSON.parse(Buffer.concat(chunks).toString())).then(
            (found) => [200, JSON.stringify(found)],
            (error) => [500, JSON.stringify({ error: String(error) })],
        )
        response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
        response.end(body)
    })
}).listen(Number(process.argv[2]), '127.0.0.1')
