// Verifies x-amzn-oidc-data of an Application Load Balancer. Needs Go 1.19 and no module.
//
// go run verify.go KEY_ENDPOINT SIGNER ISSUER CLIENT_ID    with the token on standard input
// Prints the claims as JSON; exits with 1 and the reason if the token is rejected.
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

const leeway = 30 * time.Second

var (
	kidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	client  = http.Client{
		Timeout:       5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("the key endpoint redirects") },
	}
	keys sync.Map // By kid. AWS never reuses one.
)

// Verifier names the load balancer, and the application at its identity provider.
type Verifier struct{ KeyEndpoint, Signer, Issuer, ClientID string }

// Verify returns the claims of the token.
func (v Verifier) Verify(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("not three parts")
	}
	header, err := object(parts[0])
	if err != nil {
		return nil, err
	}
	// Before a key is fetched. Every AWS account signs with the keys of its region, so without the comparison of `signer` a
	// token of an attacker's load balancer is accepted.
	for name, expected := range map[string]string{"alg": "ES256", "signer": v.Signer, "iss": v.Issuer, "client": v.ClientID} {
		if header[name] != expected {
			return nil, fmt.Errorf("%s is %q, expected %q", name, header[name], expected)
		}
	}
	kid, _ := header["kid"].(string)
	if !kidForm.MatchString(kid) { // It becomes part of an address.
		return nil, errors.New("kid is not a UUID in lower case")
	}
	key, err := v.key(kid)
	if err != nil {
		return nil, err
	}
	signature, err := decode(parts[2])
	if err != nil || len(signature) != 64 {
		return nil, errors.New("the signature has not 64 bytes")
	}
	// The signature covers the text as it was received, with the padding that a load balancer writes.
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(key, digest[:], r, s) {
		return nil, errors.New("invalid signature")
	}
	claims, err := object(parts[1])
	if err != nil {
		return nil, err
	}
	exp, _ := claims["exp"].(json.Number)
	if seconds, err := exp.Int64(); err != nil || !time.Unix(seconds, 0).Add(leeway).After(time.Now()) {
		return nil, errors.New("expired, or without exp")
	}
	if claims["iss"] != v.Issuer {
		return nil, errors.New("iss of the claims is not the issuer")
	}
	if subject, _ := claims["sub"].(string); subject == "" {
		return nil, errors.New("no sub")
	}
	return claims, nil
}

func (v Verifier) key(kid string) (*ecdsa.PublicKey, error) {
	if key, found := keys.Load(kid); found {
		return key.(*ecdsa.PublicKey), nil
	}
	response, err := client.Get(v.KeyEndpoint + "/" + kid)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the key endpoint responded with %d", response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 8192))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the response of the key endpoint is not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, isECDSA := parsed.(*ecdsa.PublicKey)
	if !isECDSA || key.Curve != elliptic.P256() {
		return nil, errors.New("the key is not on the curve P-256")
	}
	keys.Store(kid, key)
	return key, nil
}

func decode(part string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
}

// A map: a field of a struct would be filled from a member in other letter case too.
func object(part string) (map[string]any, error) {
	text, err := decode(part)
	if err != nil {
		return nil, err
	}
	var members map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return members, decoder.Decode(&members)
}

func main() {
	fail := func(reason any) {
		fmt.Println("rejected:", reason)
		os.Exit(1)
	}
	if len(os.Args) != 5 {
		fail("expected KEY_ENDPOINT SIGNER ISSUER CLIENT_ID")
	}
	token, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	claims, err := Verifier{os.Args[1], os.Args[2], os.Args[3], os.Args[4]}.Verify(strings.TrimSpace(string(token)))
	if err != nil {
		fail(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(text))
}
